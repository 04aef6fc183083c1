"""Whatever happens in whatever order: every call ends once, and windows hold."""

import asyncio

from clock import run
from fake_replicas import INFO, FakeReplica, Run, request, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Cancelled, ExecutorFailure, Overloaded, Unavailable
from headrace.pipeline.replicas import Replicas

WINDOW = 2
MAX_QUEUE = 6
RETRIES = 4

numbers = st.integers(0, 11)
EVENTS = {
    'send': 6, 'answer': 5, 'die': 2, 'refuse': 1, 'turn_away': 1, 'fail': 1, 'stall': 1, 'late': 1,
    'suspect': 1, 'draining': 1, 'lost': 1, 'healthy': 3, 'add': 1, 'remove': 1, 'cancel': 1, 'tick': 1,
}  # fmt: skip
events = st.tuples(st.sampled_from([name for name, weight in EVENTS.items() for _ in range(weight)]), numbers)


class Checked(FakeReplica):
    """A replica that complains when it gets what it should not."""

    def __init__(self, key, game):
        super().__init__(key)
        self.game = game
        self.state = 'healthy'

    async def __call__(self, batch, context):
        if self.game.is_calm:
            assert self.state in ('healthy', 'suspect'), f'{self.key} is {self.state}'
            others = [fake.state for fake in self.game.fakes.values()]
            assert self.state == 'healthy' or 'healthy' not in others
        elif self.state in ('draining', 'lost', 'removed'):
            self.game.turned_away.add(batch.parameters['n'])
            raise Unavailable('it changed since it was chosen', begun=False)  # as a connection says it
        number = batch.parameters['n']
        earlier = self.game.runs_of(number)
        if context.endpoint == '/write':
            assert all(each.ending == 'refused' for each in earlier), 'it may have begun before'
        if sum(each.ending == 'died' for each in earlier) >= 2:
            present = {each.number for each in self.open}
            assert not any(self.game.deaths(n) >= 2 for n in present), 'two suspects at one replica'
        assert sum(each.ending in ('died', 'late', 'unwanted') for each in earlier) <= RETRIES
        assert len(self.open) < WINDOW
        return await super().__call__(batch, context)


class Game:
    """A history: events that befall replicas and calls."""

    def __init__(self, *, is_calm=True):
        self.now = 0.0
        self.is_calm = is_calm  # everybody learns of one event before the next
        self.replicas = Replicas(
            'encoder',
            info=INFO,
            retries=RETRIES,
            max_queue=MAX_QUEUE,
            sticky='' if is_calm else 'session',
            clock=lambda: self.now,
        )
        self.replicas._roster._window = WINDOW
        self.fakes, self.gone, self.calls = {}, [], []
        self.cancelled, self.turned_away = set(), set()
        for _ in range(2):
            self.add()

    def add(self, _=0):
        key = f'rep-{len(self.fakes) + len(self.gone)}'
        self.fakes[key] = Checked(key, self)
        self.replicas.add(key, self.fakes[key])

    @property
    def all(self):
        return [*self.fakes.values(), *self.gone]

    def runs_of(self, number):
        """What replicas did with a request, in the order of time."""
        found = [each for fake in self.all for each in fake.seen if each.number == number]
        return sorted(found, key=lambda each: each.since)

    def deaths(self, number):
        return sum(each.ending == 'died' for each in self.runs_of(number))

    def replica(self, n):
        return list(self.fakes.values())[n % len(self.fakes)] if self.fakes else None

    def one(self, n, *, late=False) -> Run | None:
        found = [each for fake in self.all for each in fake.runs if (each.late is not None) == late]
        return found[n % len(found)] if found else None

    def happen(self, event, n):
        fake, current, late = self.replica(n), self.one(n), self.one(n, late=True)
        if event == 'send':
            self.send(n)
        elif event in ('answer', 'refuse', 'turn_away', 'stall') and current:
            if event == 'stall' and current.context.endpoint == '/write':
                return  # an upstream leaves it where it is
            getattr(current, event)()
        elif event == 'fail' and current:
            current.fail(ExecutorFailure('wrong'), 'answered')
        elif event == 'late' and late:
            late.answer()
        elif event == 'die' and fake:
            self.mark(fake, 'lost')
            fake.die()
        elif event in ('suspect', 'draining', 'lost', 'healthy') and fake:
            self.mark(fake, event)
        elif event == 'add' and len(self.fakes) < 4:
            self.add()
        elif event == 'remove' and fake:
            self.replicas.remove(fake.key)
            self.gone.append(self.fakes.pop(fake.key))
            fake.state = 'removed'
        elif event == 'cancel' and self.calls:
            call = self.calls[n % len(self.calls)]
            if not call.done():
                self.cancelled.add(call)
                call.cancel()
        elif event == 'tick':
            self.now += n

    def mark(self, fake, state):
        fake.state = state
        self.replicas.mark(fake.key, state)

    def send(self, n):
        number = len(self.calls)
        batch, context = request(number, on='/write' if n % 3 == 0 else '/read', client=f'c{n % 2}')
        if n % 4:
            batch.parameters['session'] = n % 4
        call = asyncio.ensure_future(self.replicas(batch, context))
        call.endpoint = context.endpoint
        call.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen
        self.calls.append(call)

    def check(self):
        for fake in self.all:
            assert len(fake.open) <= WINDOW
        accepted = [n for n in range(len(self.calls)) if self.runs_of(n) or n in self.turned_away]
        assert self.replicas.waiting <= MAX_QUEUE + len(accepted)  # these may always wait again
        assert self.replicas.outstanding == sum(len(fake.open) for fake in self.all)

    async def end(self):
        """All is well again: everything that is still there is answered."""
        self.add()
        for fake in self.fakes.values():
            self.mark(fake, 'healthy')
        for _ in range(200):
            await settle()
            self.check()
            if all(call.done() for call in self.calls):
                break
            for fake in self.all:
                for each in list(fake.runs):
                    each.answer()
            self.now += 40.0
        await settle()

    def judge(self):
        """Every call ended, each with its own answer or for a good reason."""
        for number, call in enumerate(self.calls):
            assert call.done(), f'call {number} never ended'
            runs = self.runs_of(number)
            if call.cancelled():
                assert call in self.cancelled
            elif (error := call.exception()) is None:
                assert call.result().parameters['n'] == number
                assert any(each.ending == 'answered' for each in runs)
            else:
                self.judge_error(number, call, error)
        assert self.replicas.outstanding == self.replicas.waiting == 0

    def judge_error(self, number, call, error):
        endings = [each.ending for each in self.runs_of(number)]
        if isinstance(error, ExecutorFailure):
            assert 'answered' in endings or endings.count('died') >= 3
        elif isinstance(error, Overloaded):
            assert not endings or endings[-1] == 'refused'
            assert error.begun == (set(endings) > {'refused'})
        else:
            assert type(error) is Unavailable, error
            assert not isinstance(error, Cancelled)
            begun = [ending for ending in endings if ending != 'refused']
            is_refused = not endings or endings[-1] == 'refused' or number in self.turned_away  # by all
            assert is_refused or call.endpoint == '/write' or len(begun) > RETRIES
            assert error.begun == bool(begun)


@settings(max_examples=400)
@given(st.lists(events, max_size=60))
def test_every_history_ends_well(history):
    async def main():
        game = Game()
        for event, n in history:
            game.happen(event, n)
            await settle()
            game.check()
        await game.end()
        game.judge()

    run(main())


@settings(max_examples=150)
@given(st.lists(st.lists(events, min_size=1, max_size=8), max_size=15))
def test_every_history_whose_events_come_at_once_ends_well(history):
    """Several things happen before anybody learns of the first."""

    async def main():
        game = Game(is_calm=False)
        for at_once in history:
            for event, n in at_once:
                game.happen(event, n)
            await settle()
            game.check()
        await game.end()
        game.judge()

    run(main())
