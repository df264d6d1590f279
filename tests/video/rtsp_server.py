"""A real RTSP server, run by the system's Python with GStreamer's bindings (not by the project's).

    /usr/bin/python3 rtsp_server.py NAME=FILE.ts ... [--user NAME --password WORD] [--port N]

Each file (MPEG-TS of H.264; of H.265 if it is named *.h265.ts; Matroska of H.264 if *.mkv, for less than 2 frames a
second, which GStreamer's reader of MPEG-TS takes for gaps) is served in real time at rtsp://127.0.0.1:PORT/NAME,
from its beginning for every client; a FILE named *.jpeg need not exist, it is a test picture as JPEGs, 10 a second. The
port is printed on the first line.
"""

import argparse

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

JPEG = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! jpegenc ! rtpjpegpay"


def stream_of(path: str) -> str:
    if path.endswith(".jpeg"):
        return f"( {JPEG} name=pay0 pt=26 )"
    codec = "h265" if path.endswith(".h265.ts") else "h264"
    demuxer = "matroskademux" if path.endswith(".mkv") else "tsdemux"
    return (
        f'( filesrc location="{path}" ! {demuxer} ! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )'
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mounts", nargs="+")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--port", default="0")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    for mount in arguments.mounts:
        name, path = mount.split("=", 1)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(stream_of(path))
        if arguments.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(f"/{name}", factory)
    if arguments.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(arguments.user, arguments.password), token)
        server.set_auth(auth)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
