"""What a person uses: the shell, the web page."""
