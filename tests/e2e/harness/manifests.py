"""Manifests as a user would write them, and the ways a user changes them."""

import os


def service(name, *mappings, annotation=None):
    """A Service whose annotation holds `mappings` (or the text `annotation`, as it is)."""
    text = annotation if annotation is not None else "".join(mappings)
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    return (
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata:\n"
        f"  name: {name}\n"
        "  annotations:\n"
        "    getambassador.io/config: |\n"
        f"{indented}"
        "spec:\n"
        "  ports:\n"
        "  - port: 80\n"
    )


def mapping(name, prefix, to, **fields):
    """One Mapping document of an annotation."""
    lines = ["---", "apiVersion: ambassador/v0", "kind: Mapping", f"name: {name}"]
    lines += [f"prefix: {prefix}", f"service: {to}"]
    lines += [f"{key}: {value}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def documents(*objects):
    """A multi-document manifest."""
    return "---\n".join(objects)


def write_in_place(path, text):
    """Truncates and writes, as many editors do."""
    path.write_text(text, encoding="utf-8")


def replace(path, text):
    """Writes beside and renames over, as other editors do."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


class MountedConfigMap:
    """A directory as the kubelet mounts a ConfigMap: `FILE -> ..data/FILE`, and `..data` a link
    that is swapped."""

    def __init__(self, directory):
        self.directory = directory
        self.generation = 0

    def publish(self, files):
        """Swaps the whole content for `files`, a map from name to text."""
        self.generation += 1
        content = self.directory / f"..generation_{self.generation}"
        content.mkdir()
        for name, text in files.items():
            (content / name).write_text(text, encoding="utf-8")
        link = self.directory / "..data_tmp"
        link.symlink_to(content.name)
        os.replace(link, self.directory / "..data")
        for name in files:
            visible = self.directory / name
            if not visible.is_symlink():
                visible.symlink_to(f"..data/{name}")
