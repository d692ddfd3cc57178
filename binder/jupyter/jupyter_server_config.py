"""Let JupyterLab load the style sheet custom/custom.css, and save pages as nbconvert does here."""

from pathlib import Path

c = get_config()  # noqa: F821
c.LabApp.custom_css = True
c.ServerApp.tornado_settings = {"static_custom_path": [str(Path(__file__).parent / "custom")]}
load_subconfig("jupyter_nbconvert_config.py")  # noqa: F821
