"""The clock keeps SimPy's promises, and sources of events join it exactly."""

import math
import random
import traceback
from heapq import heappop, heappush

import pytest
import simpy
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT, Timeout

from simdai.engine import Environment
from simdai.engine.environment import LAST


class Ticks:
    """A source of events at chosen times; ``react`` is called at each of them with what was given for it."""

    def __init__(self, env, react):
        self.env, self.react = env, react
        self.pending = []
        self.calls = 0
        env.add_source(self)

    def after(self, delay, what):
        self.env.sequence += 1
        heappush(self.pending, (self.env.now + delay, self.env.sequence, what))

    def head(self):
        return self.pending[0][:2] if self.pending else (math.inf, LAST)

    def run_until(self, time, sequence, max_events):
        self.calls += 1
        while self.pending and self.pending[0][:2] < (time, sequence) and max_events > 0:
            at, _, what = heappop(self.pending)
            self.env.advance_to(at)
            max_events -= 1
            if self.react(what):  # somebody waits for this one
                return


def ticking(env, log, times, name="tick"):
    source = Ticks(env, lambda what: log.append((env.now, what)))
    for time in times:
        source.after(time, name)
    return source


def waiter(env, log, delay, name):
    yield env.timeout(delay)
    log.append((env.now, name))


# -- SimPy's promises ----------------------------------------------------------------------------------------


def test_events_happen_in_the_order_of_their_times():
    env, log = Environment(), []
    for delay in (3, 1, 2):
        env.process(waiter(env, log, delay, delay))
    env.run()
    assert log == [(1, 1), (2, 2), (3, 3)]


def test_events_at_one_instant_happen_in_the_order_of_insertion():
    env, log = Environment(), []
    for name in "cab":
        env.process(waiter(env, log, 1.0, name))
    env.run()
    assert [name for _, name in log] == ["c", "a", "b"]


def test_an_urgent_event_comes_before_the_normal_ones_of_its_instant():
    env, log = Environment(), []
    for name, priority in (("normal", NORMAL), ("urgent", URGENT)):
        event = env.event()
        event._ok, event._value = True, None
        event.callbacks.append(lambda _, name=name: log.append(name))
        env.schedule(event, priority, delay=1)
    env.run()
    assert log == ["urgent", "normal"]


def test_a_run_until_a_time_leaves_the_events_of_that_instant_to_the_next_run():
    env, log = Environment(), []
    for delay in (1, 2, 3):
        env.process(waiter(env, log, delay, "event"))
    env.run(until=2)
    assert env.now == 2 and [time for time, _ in log] == [1]
    env.run(until=2.5)
    assert [time for time, _ in log] == [1, 2]
    env.run()
    assert env.now == 3 and [time for time, _ in log] == [1, 2, 3]


def test_a_run_ends_at_the_very_number_that_was_asked_for():
    start, end = 0.3, 0.9
    assert start + (end - start) != end, "this pair shows nothing"
    env = Environment(start)
    env.run(until=end)
    assert env.now == end


@pytest.mark.parametrize("until", [5, 4.0, -1, math.nan])
def test_a_run_cannot_end_in_the_past_nor_at_no_time(until):
    env = Environment(5)
    with pytest.raises(ValueError, match="must be greater than the current simulation time"):
        env.run(until=until)


@pytest.mark.parametrize("delay", [-1, -1e-9, math.nan, -math.inf])
def test_a_delay_that_is_negative_or_no_number_is_refused(delay):
    env = Environment()
    with pytest.raises(ValueError, match=r"delay"):
        env.schedule(env.event(), delay=delay)
    with pytest.raises(ValueError, match=r"delay"):
        env.timeout(delay)


def test_an_event_after_an_infinite_delay_does_not_disturb_the_others():
    env, log = Environment(), []
    env.timeout(math.inf)
    env.process(waiter(env, log, 1, "one"))
    env.run(until=10)
    assert log == [(1, "one")] and env.now == 10


def test_a_run_until_an_event_returns_its_value():
    env = Environment()
    event = env.timeout(3, value="done")
    env.timeout(4)
    assert env.run(until=event) == "done"
    assert env.now == 3
    assert env.run(until=event) == "done", "an event that has happened ends a run at once"


def test_a_run_until_a_process_returns_what_the_process_returns():
    env = Environment()

    def worker():
        yield env.timeout(1)
        return 42

    assert env.run(until=env.process(worker())) == 42


def test_a_run_until_an_event_that_nobody_causes_is_an_error():
    env = Environment()
    env.timeout(1)
    with pytest.raises(RuntimeError, match="was not triggered"):
        env.run(until=env.event())


def test_stepping_without_events_is_an_error():
    env = Environment()
    with pytest.raises(EmptySchedule):
        env.step()
    assert env.peek() == math.inf


def test_the_active_process_is_known_while_it_runs():
    env, seen = Environment(), []

    def worker():
        seen.append(env.active_process)
        yield env.timeout(1)
        seen.append(env.active_process)

    process = env.process(worker())
    assert env.active_process is None
    env.run()
    assert seen == [process, process] and env.active_process is None


def test_a_cancelled_event_never_happens():
    env, log = Environment(), []
    events = [env.timeout(delay) for delay in (1, 2, 3)]
    for event in events:
        event.callbacks.append(lambda _: log.append(env.now))
    env.cancel(events[1])
    env.run()
    assert log == [1, 3]
    assert env.peek() == math.inf


def test_an_exception_passes_through_all_waiting_processes_and_shows_each_of_them():
    """What SimPy's ``test_exception_chaining`` says, without the names of SimPy's own files."""
    env = Environment()

    def child():
        yield env.timeout(1)
        raise RuntimeError("out of luck")

    def parent():
        yield env.process(child())

    def grandparent():
        yield env.process(parent())

    env.process(grandparent())
    with pytest.raises(RuntimeError, match="^out of luck$") as caught:
        env.run()

    chain, error = [], caught.value
    while error is not None:
        assert type(error) is RuntimeError and error.args == ("out of luck",)
        chain.append(error)
        error = error.__cause__
    # What `run` raises was made from the grandparent's failure, that from the parent's, and so on.
    assert len(chain) == 4 and len(set(map(id, chain))) == 4
    innermost_functions = [traceback.extract_tb(error.__traceback__)[-1].name for error in chain]
    assert innermost_functions[1:] == ["grandparent", "parent", "child"]
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("The above exception was the direct cause of the following exception:") == 3
    assert text.index("in child") < text.index("in parent") < text.index("in grandparent")


def test_an_exception_that_cannot_be_made_again_is_raised_itself():
    class Peculiar(Exception):
        def __init__(self, where, *, why):
            super().__init__(f"{where}: {why}")

    env = Environment()

    def worker():
        yield env.timeout(1)
        raise Peculiar("here", why="because")

    env.process(worker())
    with pytest.raises(Peculiar, match="here: because"):
        env.run()


def test_a_failed_event_that_somebody_defused_does_not_stop_the_run():
    env = Environment()
    event = env.event()
    event.callbacks.append(lambda event: setattr(event, "defused", True))
    event.fail(RuntimeError("never mind"))
    env.run()


def test_resources_of_simpy_work_on_this_clock():
    env, log = Environment(), []
    counter = simpy.Resource(env, capacity=1)

    def customer(name):
        with counter.request() as turn:
            yield turn
            yield env.timeout(2)
            log.append((env.now, name))

    for name in "ab":
        env.process(customer(name))
    env.run()
    assert log == [(2, "a"), (4, "b")]


# -- sources of events ---------------------------------------------------------------------------------------


def test_events_of_a_source_happen_between_those_of_simpy():
    env, log = Environment(), []
    for delay in (1, 2, 3):
        env.process(waiter(env, log, delay, "process"))
    ticking(env, log, [0.5, 1.5, 1.6, 3.5])
    env.run(until=4)
    assert log == [
        (0.5, "tick"),
        (1, "process"),
        (1.5, "tick"),
        (1.6, "tick"),
        (2, "process"),
        (3, "process"),
        (3.5, "tick"),
    ]


def test_ties_between_a_source_and_simpy_go_by_insertion():
    env, log = Environment(), []
    source = ticking(env, log, [1], "first")
    env.timeout(1).callbacks.append(lambda _: log.append((env.now, "second")))
    source.after(1, "third")
    env.run()
    assert [name for _, name in log] == ["first", "second", "third"]


def test_ties_between_two_sources_go_by_insertion():
    env, log = Environment(), []
    a, b = ticking(env, log, []), ticking(env, log, [])
    for name, source in (("1", b), ("2", a), ("3", a), ("4", b)):
        source.after(1, name)
    env.run()
    assert [name for _, name in log] == ["1", "2", "3", "4"]


def test_a_run_until_a_time_stops_before_a_sources_events_of_that_instant():
    env, log = Environment(), []
    ticking(env, log, [1, 2, 2, 3])
    env.run(until=2)
    assert env.now == 2 and [time for time, _ in log] == [1]
    env.run(until=2.1)
    assert [time for time, _ in log] == [1, 2, 2] and env.now == 2.1


def test_an_urgent_event_comes_before_a_sources_earlier_ones_of_its_instant():
    env, log = Environment(), []
    ticking(env, log, [1])
    event = env.event()
    event._ok, event._value = True, None
    event.callbacks.append(lambda _: log.append((env.now, "urgent")))
    env.schedule(event, URGENT, delay=1)
    env.run()
    assert [name for _, name in log] == ["urgent", "tick"]


def test_a_source_alone_runs_to_its_end():
    env, log = Environment(), []
    ticking(env, log, [1, 2, 3])
    env.run()
    assert env.now == 3 and len(log) == 3


def test_a_step_with_only_a_source_executes_one_of_its_events():
    env, log = Environment(), []
    ticking(env, log, [1, 1, 2])
    env.step()
    assert log == [(1, "tick")]
    env.step()
    assert len(log) == 2 and env.now == 1
    env.step()
    assert len(log) == 3 and env.now == 2
    with pytest.raises(EmptySchedule):
        env.step()


def test_a_step_processes_one_simpy_event_and_what_comes_before_it():
    env, log = Environment(), []
    ticking(env, log, [1, 2, 4])
    env.timeout(3).callbacks.append(lambda _: log.append((env.now, "timeout")))
    env.step()
    assert log == [(1, "tick"), (2, "tick"), (3, "timeout")]


def test_a_source_without_events_changes_nothing():
    env, log = Environment(), []
    empty = ticking(env, log, [])
    ticking(env, log, [2])
    env.process(waiter(env, log, 1, "process"))
    assert env.peek() == 0  # the start of the process
    env.run()
    assert log == [(1, "process"), (2, "tick")]
    assert empty.calls == 0, "an empty source is not even asked to run"


def test_a_peek_sees_simpy_and_every_source():
    env, log = Environment(), []
    assert env.peek() == math.inf
    ticking(env, log, [5])
    assert env.peek() == 5
    ticking(env, log, [4])
    assert env.peek() == 4
    env.timeout(3)
    assert env.peek() == 3
    env.run()
    assert env.peek() == math.inf and env.now == 5


def test_the_clock_stands_at_a_sources_event_while_it_happens():
    env, seen = Environment(), []
    source = Ticks(env, lambda _: seen.append(env.now))
    for time in (0.25, 0.5):
        source.after(time, None)
    env.timeout(1)
    env.run()
    assert seen == [0.25, 0.5] and env.now == 1


def signalling(env, log, times):
    """A source whose every event wakes who waits for ``source.signal``."""
    source = Ticks(env, lambda what: react(what))
    source.signal = env.event()

    def react(what):
        log.append((env.now, "tick"))
        source.signal.succeed(env.now)
        source.signal = env.event()
        return True

    for time in times:
        source.after(time, None)
    return source


def test_a_source_can_wake_a_process_at_its_own_instant():
    env, log = Environment(), []
    source = signalling(env, log, [1.5, 2.5])

    def listener():
        while True:
            time = yield source.signal
            log.append((env.now, f"heard {time}"))

    env.process(listener())
    env.timeout(10)
    env.run()
    assert log == [(1.5, "tick"), (1.5, "heard 1.5"), (2.5, "tick"), (2.5, "heard 2.5")]


def test_a_run_until_a_sources_signal_ends_there_and_returns_its_value():
    env, log = Environment(), []
    source = signalling(env, log, [1.5, 2.5])
    assert env.run(until=source.signal) == 1.5
    assert env.now == 1.5 and len(log) == 1


def test_a_signal_comes_after_the_events_of_its_instant_that_were_there_before_it():
    env, log = Environment(), []
    source = signalling(env, log, [1.0, 1.0])
    source.signal.callbacks.append(lambda _: log.append((env.now, "heard")))
    env.run()
    assert log == [(1, "tick"), (1, "tick"), (1, "heard")]


class Program:
    """Random events that cause further events; run on plain SimPy, or on our clock with two sources."""

    def __init__(self, number, env, sources):
        self.env, self.sources, self.log = env, sources, []
        self.rng = random.Random(number)
        self.made = 0

    def act(self):
        for _ in range(self.rng.choice([0, 1, 1, 2]) if self.made else 6):
            if self.made == 60:
                return
            self.made += 1
            kind, delay, name = self.rng.randrange(4), self.rng.randrange(4) * 0.5, self.made
            if kind < 2:
                if self.sources:
                    self.sources[kind].after(delay, name)
                else:
                    self.timer(delay, name)
            elif kind == 2:
                self.timer(delay, name)
            else:  # an event at once, as a signal is
                event = self.env.event()
                event.callbacks.append(lambda _, name=name: self.happen(name))
                event.succeed()

    def timer(self, delay, name):
        Timeout(self.env, delay).callbacks.append(lambda _: self.happen(name))

    def happen(self, name):
        self.log.append((self.env.now, name))
        self.act()
        return True


def play(number, kind):
    env = simpy.Environment() if kind == "simpy" else Environment()
    program = Program(number, env, [])
    if kind != "simpy":
        program.sources = [Ticks(env, lambda what: program.happen(what)) for _ in range(2)]
    program.act()
    if kind == "steps":
        while env.peek() < math.inf:
            env.step()
    elif kind == "pieces":
        for until in (0.5, 0.75, 2.0, 3.5):
            env.run(until=until)
        env.run()
    else:
        env.run()
    return program.log


@pytest.mark.parametrize("kind", ["whole", "steps", "pieces"])
def test_events_of_sources_happen_exactly_where_simpy_would_have_put_them(kind):
    events = 0
    for number in range(300):
        expected = play(number, "simpy")
        assert play(number, kind) == expected, f"program {number}"
        events += len(expected)
    assert events > 3000
