"""The web page as a Hugging Face Space; the platform says on which address and port it listens."""

import os

from metatrans_lab.apps.demo.page import launch

if __name__ == "__main__":
    launch(
        os.environ.get("METATRANS_MODEL", "translator"),
        os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"),
        int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        browser=False,
    )
