"""Changes to a configuration directory, in every way that files change."""

from harness.gateway import Gateway
from harness.manifests import MountedConfigMap, mapping, replace, service, write_in_place
from harness.upstream import Upstream
from harness.verdict import expect_equal
from harness.waiting import until


def files_come_change_and_go(setting):
    with Upstream("only", setting.directory) as upstream:
        config = setting.config_directory()

        def text(prefix):
            return service("web", mapping("web", prefix, f"127.0.0.1:{upstream.port}"))

        with Gateway(setting, config) as gateway:
            expect_equal(gateway.get("/one/").status, 404, "GET /one/ before there is a file")
            web = config / "web.yml"
            write_in_place(web, text("/one/"))
            _served(gateway, "/one/")
            replace(web, text("/two/"))
            _served(gateway, "/two/")
            _gone(gateway, "/one/")
            web.rename(config / "renamed.yaml")
            write_in_place(config / "not-a-manifest.txt", text("/three/"))
            _served(gateway, "/two/")
            (config / "renamed.yaml").unlink()
            _gone(gateway, "/two/")
            expect_equal(gateway.get("/three/").status, 404, "GET /three/")


def a_config_map_mount_is_followed(setting):
    with Upstream("only", setting.directory) as upstream:
        mount = MountedConfigMap(setting.config_directory())

        def publish(prefix):
            text = service("web", mapping("web", prefix, f"127.0.0.1:{upstream.port}"))
            mount.publish({"web.yaml": text})

        publish("/0/")
        with Gateway(setting, mount.directory) as gateway:
            _served(gateway, "/0/")
            for generation in range(1, 4):
                publish(f"/{generation}/")
                _served(gateway, f"/{generation}/")
                _gone(gateway, f"/{generation - 1}/")


def _served(gateway, path):
    until(lambda: gateway.get(path).status == 200, f"GET {path} answers 200", seconds=2)


def _gone(gateway, path):
    until(lambda: gateway.get(path).status == 404, f"GET {path} answers 404", seconds=2)


CHECKS = [files_come_change_and_go, a_config_map_mount_is_followed]
