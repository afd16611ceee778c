"""Exact answers: what a person's examples say of another sentence, by the predictor that languages are made with."""
