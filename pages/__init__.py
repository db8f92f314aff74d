"""What people see: one Streamlit script per page, and what they share."""
