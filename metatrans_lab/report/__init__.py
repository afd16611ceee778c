"""What a person sees of a run: pictures, cards."""
