"""The Hugging Face Hub: pushing runs and data, and checking what was downloaded."""
