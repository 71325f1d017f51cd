"""SIGKILL at 50 random moments of one download.

The image must be right, and each restart may fetch at most 80 KiB again.

Usage: python3 -m tests.e2e.kill_test BUILD_FOLDER [ROUNDS]; OTA_TEST_SEED=N repeats a run.
"""

import os
import random
import sys
import tempfile
import time

from tests.rig.site import Site

REFETCH_MAX = 64 * 1024 + 16 * 1024
IMAGE_BYTES = 6 * 1024 * 1024
EVENT_BYTES = 16 * 1024


def start_site(folder, build):
    site = Site(folder, f"{build}/bin")
    site.start_hub()
    return site


def kill_while_downloading(agent, rng, rounds):
    """Returns the bytes fetched again after each kill."""
    again = []
    position = None
    while len(again) < rounds:
        agent.start()
        request = agent.wait_for(lambda event: event["event"] == "request")
        if position is not None:
            again.append(position - request["firstByte"])
        position = request["firstByte"]
        if len(again) == rounds:
            break
        # A little further than what a kill may cost, so that every round makes progress.
        until = position + rng.randrange(0, 2 * REFETCH_MAX + EVENT_BYTES)
        event = agent.wait_for(
            lambda e: e["event"] == "progress"
            and (e["bytes"] >= until or e["bytes"] == IMAGE_BYTES)
        )
        agent.kill()
        received = [e["bytes"] for e in agent.events if e["event"] == "progress"]
        position = max(event["bytes"], received[-1])
        if position == IMAGE_BYTES:
            raise SystemExit(
                f"kill test: complete after {len(again)} kills; too small for {rounds}"
            )
    return again


def main():
    build, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50
    seed = int(os.environ.get("OTA_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"kill test: OTA_TEST_SEED={seed}", flush=True)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="mcu-ota-kill-") as folder:
        site = start_site(folder, build)
        try:
            image = os.path.join(folder, "image.bin")
            with open(image, "wb") as file:
                file.write(rng.randbytes(IMAGE_BYTES))
            key = site.create_group("lab", "pump", "lab")
            agent = site.add_agent(
                "lab-1", product="pump", group_key=key, max_rate="1M", event_bytes=EVENT_BYTES
            )
            site.operate("deploy", image, 1, "pump", "lab")
            again = kill_while_downloading(agent, rng, rounds)
            outcome = agent.wait_outcome(1)
            agent.stop()
            stored = agent.read_image()
        finally:
            site.close()
        with open(image, "rb") as file:
            right = stored == file.read()
    print(
        f"kill test: {rounds} kills, image {'right' if right else 'WRONG'}, {outcome['status']}, "
        f"fetched again {sum(again) / len(again):,.0f} bytes on average, "
        f"{max(again):,} at most (limit {REFETCH_MAX:,})"
    )
    sys.exit(0 if right and outcome["status"] == "applied" and max(again) <= REFETCH_MAX else 1)


if __name__ == "__main__":
    main()
