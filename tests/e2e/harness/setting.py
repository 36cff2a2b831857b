"""Where one check runs: the binary under test and an empty directory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """The binary under test and a temporary directory of the check's own."""

    binary: Path
    directory: Path

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
        return Setting(self.binary, directory)
