"""The Hugging Face Hub: pushing runs and data, and what came from there."""
