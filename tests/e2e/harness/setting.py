"""Where one check runs: the binary and the image under test, and an empty directory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """The binary under test, a temporary directory of the check's own, and an image, if any."""

    binary: Path
    directory: Path
    image: str | None = None

    def config_directory(self, **files):
        """A directory of manifests: `config_directory(httpbin=text)` holds httpbin.yaml."""
        config = self.directory / "config"
        config.mkdir()
        for name, text in files.items():
            (config / f"{name}.yaml").write_text(text, encoding="utf-8")
        return config

    def part(self, name):
        """A setting for a part of the check, in a directory of its own."""
        directory = self.directory / name
        directory.mkdir()
        return Setting(self.binary, directory, self.image)
