"""Reports to take into a room: frames in, PowerPoint out."""
