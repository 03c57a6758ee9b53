"""A loop that goes on ticking, as that of a window does, while pages come.

A callback runs in another thread, and widgets belong to that of the loop: so it only puts the
outcome into a queue, which the loop empties at each tick (`root.after(20, tick)` in tkinter).
"""

import queue
import time

import scraper
from scraper import demo


def main() -> None:
    arrived: queue.SimpleQueue[scraper.Future] = queue.SimpleQueue()
    slowest_tick, shown = 0.0, 0
    with demo.serve() as site, scraper.Session(save_only=True) as session:
        for path in ["/lake", "/dunes", "/aurora"]:  # the last takes its time
            session.submit(site.server.url(path)).add_done_callback(arrived.put)
        while shown < 3:
            began = time.perf_counter()
            while not arrived.empty():
                outcome = arrived.get().result()
                shown += 1
                print("show", outcome.url)
            slowest_tick = max(slowest_tick, time.perf_counter() - began)
            time.sleep(0.02)  # here the window would be drawn
    print("the window froze:", slowest_tick > 0.5)


if __name__ == "__main__":
    main()
