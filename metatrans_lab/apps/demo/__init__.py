"""The web page: translate by your own rules, play against the model, watch one learn. `metatrans demo` starts it."""
