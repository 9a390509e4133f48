"""Ctrl-C, progress, the interpreter's lock."""
import signal
import subprocess
import sys
import time

import cotangent as ct
import pytest

LONG = """
import sys, time, cotangent as ct
system = ct.System.from_text('''
[energy]
kinetic = "sum(i, p[i]^2) / 2"
springs = "sum(i, 1 - cos(q[i]))"
[initial]
q = [0.5, 1.0]
p = [0.0, 0.1]
[run]
dt = 0.01
steps = 1000000000000
''')
flow = ct.compile(system)
print("ready", flush=True)
"""


def interrupted(program, wait=0.7):
    """Starts LONG + program, sends SIGINT; gives the process's output and how long it took to end."""
    process = subprocess.Popen([sys.executable, "-W", "always", "-c", LONG + program],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err, time.monotonic() - sent


def test_ctrl_c_stops_within_a_second_and_keeps_what_there_is():
    code, out, err, took = interrupted("""
run = flow.run()
print(run.status, run.steps > 1000, run.trajectory.q.shape[0] >= 2, repr(run.t == run.steps * 0.01))
""")
    assert code == 0, err
    assert out.split()[:3] == ["interrupted", "True", "True"]
    assert "interrupted after step" in err
    assert took < 2, "a second, and the end of the process"


def test_ctrl_c_can_be_an_exception():
    code, out, err, took = interrupted("""
try:
    flow.run(interrupt="raise")
except KeyboardInterrupt as stopped:
    print(stopped.run.status, stopped.run.steps > 1000)
""")
    assert code == 0, err
    assert out.split() == ["interrupted", "True"] and took < 2


def test_a_handler_of_ones_own_may_raise():
    code, out, err, took = interrupted("""
import signal
def stop(*_): raise TimeoutError("enough")
signal.signal(signal.SIGINT, stop)
print("set", flush=True)
try:
    flow.run()
except TimeoutError as error:
    print("raised", error)
""")
    assert code == 0, err
    assert "raised enough" in out and took < 2


def test_a_gradient_that_is_interrupted_is_none():
    code, out, err, _ = interrupted("""
try:
    flow.gradient("q[0]", "q", steps=200000000)
except KeyboardInterrupt:
    print("none")
""", wait=1.5)
    assert code == 0 and out.split() == ["none"], err


def test_other_threads_go_on(python):
    done = python(LONG + """
import threading
count, stop = 0, False
def work():
    global count
    while not stop:
        count += 1
        time.sleep(0)
thread = threading.Thread(target=work)
thread.start()
began = time.perf_counter()
flow.run(steps=20_000_000)
took = time.perf_counter() - began
stop = True
thread.join()
print(count, took)
""")
    count, took = map(float, done.stdout.split()[1:])
    assert count > 100 * took


def test_several_threads_run_one_flow(pendulum):
    from concurrent.futures import ThreadPoolExecutor

    flow = ct.compile(pendulum)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda q: flow.run(q0=[q]), [0.1, 0.2, 0.3, 0.4] * 4))
    for k in range(4):
        assert len({run.state_hash for run in runs[k::4]}) == 1
    assert len({run.state_hash for run in runs}) == 4


def test_progress_is_told(pendulum):
    seen = []
    ct.compile(pendulum).run(steps=3_000_000, every=10000,
                             progress=lambda *event: seen.append(event))
    assert len(seen) >= 2
    step, steps, t, seconds, energy_error, text = seen[-1]
    assert (step, steps) == (3_000_000, 3_000_000) and t == pytest.approx(3000) and seconds > 0
    assert energy_error < 1e-6 and "3,000,000 of 3,000,000" in text
    assert [event[0] for event in seen] == sorted(event[0] for event in seen)


def test_what_progress_raises_ends_the_run(pendulum):
    def stop(*event):
        raise RuntimeError("seen enough")

    with pytest.raises(RuntimeError, match="seen enough"):
        ct.compile(pendulum).run(steps=10**9, every=10**6, progress=stop)


def test_a_bar_on_a_terminal_and_none_elsewhere(pendulum, capsys, monkeypatch):
    flow = ct.compile(pendulum)
    flow.run(steps=2_000_000, every=10000)
    assert capsys.readouterr().err == ""
    flow.run(steps=2_000_000, every=10000, progress=True)
    shown = capsys.readouterr().err
    assert "steps/s" in shown and "=" in shown and shown.endswith("\r")


def test_a_bar_in_a_notebook(pendulum, monkeypatch):
    """IPython by duck typing: its shell has a kernel, display gives a handle."""
    import types

    shown = []

    class Handle:
        def update(self, what):
            shown.append(what._repr_html_())

    def display(what, display_id):
        shown.append(what._repr_html_())
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    ct.compile(pendulum).run(steps=2_000_000, every=10000, progress=True)
    assert "<progress value='" in shown[0] and shown[-1] == ""


@pytest.mark.parametrize("work", [
    "flow.run(trajectory=False, every=100000)",
    "flow.run(trajectory=False, every=100000, progress=lambda *seen: None)",
    "short.run(trajectory=False)",
    "short.gradient('q[0]', wrt='q')",
    "float(ct.jit(lambda x: ct.fori_loop(0, 10**10, lambda i, s: ct.sin(s) + 1e-3, x))(1.0))",
])
def test_a_daemon_thread_is_no_hindrance_to_the_end(work):
    """The interpreter may end while a thread computes: no crash, and nothing said."""
    program = LONG + f"""
import threading
short = ct.compile(system, steps=2000)

def work():
    while True:
        {work}

threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
print("bye", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()[-1], done.stderr) == (0, "bye", "")
