# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms reserve`` and ``elfsyms fill`` as the command line has them: the jobs of a build with one link.

Room for the tables is made before the link, and filled in after it (``writers/reserve.py``, ``writers/fill.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.cli.parameters import table_arguments
from elfsyms.cli.streams import emit_json, for_output, request, say, say_findings
from elfsyms.errors import NotThereError, OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.cli.quick import Job
    from elfsyms.detect.request import Request
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.layout import Layout
    from elfsyms.writers.fill import FillPlan
    from elfsyms.writers.object_worker import ObjectMaker

__all__ = ["fill", "reserve"]


def reserve(job: Job) -> int:
    """Reserve room: write an object with every label of the tables, at its exact size, and nothing in it yet.

    Link the kernel with it, then let elfsyms fill write the tables into the file. Exit code 3 where nothing is
    remembered.
    """
    given = job.given
    output = given["output"]
    if not output:
        raise UsageError("where to? give -o kallsyms.o")
    _check_outputs(job, {"FILE": job.file, "-o": output})
    from elfsyms.writers.object_worker import ObjectMaker  # noqa: PLC0415 (before numpy starts threads)

    maker = ObjectMaker(wait=given["cache"] is not None)
    try:
        layout = _reserved(job)
        image = _made(layout, maker, given["cache"])
    except NotThereError:
        if not given["if_known"]:
            raise
        return 1
    finally:
        maker.close()
    # All that can fail comes before the file changes, the report too.
    if given["json"]:
        emit_json("elfsyms.reserve/1", {"output": output, "bytes": len(layout.blob), "slack": given["slack"]})
    elif not given["quiet"]:
        say(f"{output}: room for {len(layout.blob):,} bytes of tables, to be filled in after the link")
    _write(output, image)
    return 0


def fill(job: Job) -> int:
    """Fill in the tables of a kernel that was linked once, with the object of elfsyms reserve.

    Everything is proved before a byte is written. Exit code 1 where the room is not that of its tables: nothing
    was written then but what --or-reserve asks for.
    """
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.writers.room import MismatchError  # noqa: PLC0415 (as above)

    given = job.given
    if job.file is None:
        raise UsageError("nothing to fill in: give a vmlinux")
    outputs = {"--system-map": given["system_map"], "--or-reserve": given["or_reserve"]}
    _check_outputs(job, {"VMLINUX": job.file, **outputs})
    with load_with(job.file, _request(job)) as kernel:
        kernel.cache = _open_cache(given["cache"])
        say_findings(kernel.findings, verbose=given["verbose"])
        try:
            plan, text = _planned(kernel, with_map=given["system_map"] is not None)
        except MismatchError as error:
            if not given["or_reserve"]:
                raise
            if not given["quiet"]:
                say(f"elfsyms: {error}")
            _reserve_instead(kernel, job)
            return 1
        if given["json"]:
            emit_json("elfsyms.fill/1", _facts(kernel, plan))
        elif not given["quiet"]:
            say(_summary(kernel, plan))
        _fill(kernel, plan, given["system_map"], text)
    return 0


def _check_outputs(job: Job, files: dict[str, str | Path | None]) -> None:
    """Raise :class:`UsageError` where one output would overwrite another, or the input."""
    from elfsyms.writers.output import check_different  # noqa: PLC0415 (not for --help)

    check_different({**files, "--json": "-"} if job.given["json"] else files)


def _request(job: Job) -> Request:
    return request(**table_arguments(job.given))


def _reserved(job: Job) -> Layout:
    """Return the layout to write: of what sizes are remembered, of an object, or of a kernel."""
    if job.file is None:
        return _remembered(job)
    from elfsyms.image.elf import RELOCATABLE, open_image  # noqa: PLC0415 (numpy)
    from elfsyms.writers.earlier_object import layout_of_object  # noqa: PLC0415 (as above)
    from elfsyms.writers.reserve import reserve  # noqa: PLC0415 (as above)

    with open_image(job.file) as image:
        earlier = layout_of_object(image) if image.file_type == RELOCATABLE else None
    layout = reserve(earlier or _layout_of_kernel(job.file, job), job.given["slack"])
    _remember(layout, job)
    return layout


def _layout_of_kernel(file: Path, job: Job) -> Layout:
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (as above)
    from elfsyms.writers.build import check_anchor  # noqa: PLC0415 (as above)

    with load_with(file, _request(job)) as kernel:
        kernel.cache = _open_cache(job.given["cache"])
        say_findings(kernel.findings, verbose=job.given["verbose"])
        check_anchor(kernel)
        return kernel.layout


def _remembered(job: Job) -> Layout:
    cache, link = _open_cache(job.given["cache"]), job.given["link"]
    if cache is None or link is None:
        raise UsageError("without a FILE, reserve takes remembered sizes: give --cache and --link")
    from elfsyms.writers.sizes import recall_sizes, size_key  # noqa: PLC0415 (as above)

    layout = recall_sizes(cache, size_key(_request(job), link))
    if layout is None:
        raise NotThereError(
            f"no sizes are remembered in {cache.folder} for this configuration, linker and release"
        )
    return layout


def _remember(layout: Layout, job: Job) -> None:
    """Remember sizes for the next build, if there is where to."""
    cache, link = _open_cache(job.given["cache"]), job.given["link"]
    if cache is not None and link is not None:
        from elfsyms.writers.sizes import remember_sizes, size_key  # noqa: PLC0415 (as above)

        remember_sizes(cache, size_key(_request(job), link), layout)


def _made(layout: Layout, maker: ObjectMaker, cache: Path | None) -> bytes | bytearray:
    maker.order(layout, _open_cache(cache))
    return maker.fetch()


def _write(output: str, data: bytes | bytearray | memoryview) -> None:
    from elfsyms.writers.output import write_output  # noqa: PLC0415 (as above)

    write_output(output, for_output(output, data))


def _open_cache(folder: Path | None) -> PassCache | None:
    from elfsyms.pipeline.cache import PassCache  # noqa: PLC0415 (as above)

    return PassCache(folder) if folder else None


def _planned(kernel: Kernel, *, with_map: bool) -> tuple[FillPlan, bytes | None]:
    """Prove all; return what to write, and the map's text, which is made beside the tables."""
    from elfsyms.writers.build import check_anchor  # noqa: PLC0415 (as above)
    from elfsyms.writers.fill import plan_fill  # noqa: PLC0415 (as above)
    from elfsyms.writers.inplace import check_writable  # noqa: PLC0415 (as above)

    check_anchor(kernel)
    text = kernel.system_map_beside() if with_map else None
    plan = plan_fill(kernel)
    check_writable(kernel.image.path)
    return plan, None if text is None else text()


def _fill(kernel: Kernel, plan: FillPlan, system_map: str | None, text: bytes | None) -> None:
    """Write the map, then the tables: a map that cannot be written leaves the kernel as it was."""
    from elfsyms.writers.inplace import overwrite  # noqa: PLC0415 (as above)

    if system_map is not None and text is not None:
        _write(system_map, text)
    try:
        overwrite(kernel.image.path, plan.writes)
    except OutputError as error:
        if system_map is None:
            raise
        raise OutputError(
            f"{error}; {system_map} is new already: do not use it with what is older"
        ) from error


def _reserve_instead(kernel: Kernel, job: Job) -> None:
    """Write the room that fits, for another link."""
    from elfsyms.writers.object_worker import ObjectMaker  # noqa: PLC0415 (as above)
    from elfsyms.writers.reserve import reserve  # noqa: PLC0415 (as above)

    layout = reserve(kernel.layout, job.given["slack"])
    _remember(layout, job)
    maker = ObjectMaker(wait=True)
    try:
        _write(job.given["or_reserve"], _made(layout, maker, job.given["cache"]))
    finally:
        maker.close()


def _summary(kernel: Kernel, plan: FillPlan) -> str:
    return (
        f"{kernel.image.path}: {len(kernel.tables.records):,} symbols filled in, {plan.size:,} bytes; "
        f"{_build_id_text(plan)}"
    )


def _build_id_text(plan: FillPlan) -> str:
    if not plan.build_id.old:
        return "no build ID"
    if not plan.build_id.algorithm:
        return "the build ID stays that of the link: it is no hash of the file that elfsyms can compute"
    return f"build ID as the linker would have made it ({plan.build_id.algorithm})"


def _facts(kernel: Kernel, plan: FillPlan) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "symbols": len(kernel.tables.records),
        "bytes": plan.size,
        "build_id": {
            "before": plan.build_id.old.hex(),
            "now": plan.build_id.new.hex(),
            "algorithm": plan.build_id.algorithm or None,
        },
    }
