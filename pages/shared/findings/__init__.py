"""What each page says about its numbers: headlines and table columns, one module per page. No Streamlit here."""
