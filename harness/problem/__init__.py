"""What a search method is handed."""
