"""``tradelane demo``: three countries, eighteen roofs, a farmer, an e-hub, and what they sell each other.

Everything is the real thing in processes of its own: the simulator of meters (Modbus TCP and MQTT), the
e-hub, and the gateway with the roles edge and zone. This package only starts, watches and sums up.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from tradelane.gateway.commands.demo import DemoOptions
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json
from tradelane.gateway.config import ConfigError
from tradelane.gateway.demo.children import ChildFailed
from tradelane.gateway.demo.play import Play, say
from tradelane.gateway.demo.ports import require_broker, require_free
from tradelane.gateway.demo.summary import show
from tradelane.gateway.keys import KeyFileError
from tradelane.gateway.lock import AlreadyInUse, FileLock

INTERRUPTED = 130


def main(options: DemoOptions) -> int:
    """Run the demo; 0 when everything was settled and every check holds. CommandFailed."""
    if options.port:
        require_free(options.port)
    if options.mqtt:
        require_broker(*options.mqtt)
    folder = options.data_dir or Path(tempfile.mkdtemp(prefix="tradelane-demo-"))
    lock = FileLock(folder / "demo")
    try:
        lock.acquire()
        play = Play(options, folder.absolute())
        asyncio.run(play.run())
        summary = play.sum_up()
    except AlreadyInUse:
        raise CommandFailed(ExitCode.FAILURE, f"--data-dir: another demo is running in {folder}") from None
    except (ChildFailed, KeyFileError, ConfigError, OSError) as failed:
        raise CommandFailed(ExitCode.FAILURE, str(failed)) from None
    finally:
        lock.release()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if summary is None:
        say("Ended before there was a market.")
        return INTERRUPTED
    if options.as_json:
        print_json(summary.as_json())
    else:
        show(summary, folder if options.keep else None)
    return 0 if summary.ok else 1
