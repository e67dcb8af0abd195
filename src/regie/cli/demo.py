"""`regie demo`: the whole loop on real data, unattended. Needs `regie[demo]`."""

from pathlib import Path

import click

from regie.base.errors import MissingExtra


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=Path(".regie/demo"), show_default=True, help="A new folder.")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, and print the addresses.")
def demo(home: Path, keep: bool) -> None:
    """Play the whole loop: a year of flights, retrainings, promotions, bad versions, a crash, an approval, and the proof."""
    try:
        from regie.cli.story.play import play  # numpy, pandas and mlflow are an extra
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or "", "demo") from None
    play(home, keep)
