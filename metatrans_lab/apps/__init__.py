"""The programs that people use: the command `metatrans`, and the web page."""
