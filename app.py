"""The chat over the shipped documents; a hosted Gradio space starts here too."""

from ketaqa import config
from ketaqa.web.server import run

if __name__ == "__main__":
    run(config.load())
