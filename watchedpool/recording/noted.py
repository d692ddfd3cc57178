"""What the parent noted, as tables of calls and messages: the numpy half of `messages`.

A call has messages, and a message has tasks. All tasks are in the order of their calls; `rows` says
which rows of the Timeline these are.
"""

from functools import cached_property
from operator import length_hint
from typing import NamedTuple

import numpy as np

from watchedpool import clock
from watchedpool.details import CallDetails, SharedColumn
from watchedpool.recording.messages import (
    ARRIVED,
    ASKED,
    BLOCK,
    CALL,
    CHUNKSIZE,
    FLAGS,
    FUNCTION,
    HAS_CALLBACK,
    HAS_ERROR_CALLBACK,
    KIND,
    KINDS,
    NUMBER,
    SENT,
    SUBMITTED,
    TASKS,
    Iteration,
    Messages,
)

_NOT_YET = np.nan


class Failure(NamedTuple):
    """A message that brought an error."""

    call: int
    message: int  # of all messages
    text: str


class Noted:
    """A copy of what has been noted until now.

    Per call: numbers, tasks, chunksizes, kinds, submitted, asked. Per message: sent, arrived, and
    sizes, which is how many tasks are in it. `first_task` and `first_message` are of each call, and
    have one entry more. The first `at_once` calls are those that submit all their tasks at once.
    """

    def __init__(self, messages: Messages) -> None:
        sent = np.array(messages.sent[:])
        begins = np.array(messages.begins[:], int).reshape(-1, 4)
        self._log = np.array(messages.arrived[:]).reshape(-1, 3)
        errors = np.array(messages.errors[:], int).reshape(-1, 3)
        texts, self._names = messages.texts, messages.functions
        self.iterations = list(messages.iterations.values())
        calls = np.array(messages.calls[:]).reshape(-1, len(CALL)).T
        self.origin = messages.origin
        self.at_once = calls.shape[1]

        counts = np.diff(begins[:, 1], append=len(sent)).clip(0)
        sent_of = dict(zip(begins[:, 0].tolist(), counts.tolist(), strict=True))
        rest = [self._row(each, sent_of.get(each.number, 0)) for each in self.iterations]
        rows = np.hstack([calls, np.array(rest, float).reshape(-1, len(CALL)).T])
        integers = (rows[column].astype(int) for column in (NUMBER, TASKS, CHUNKSIZE, KIND))
        self.numbers, self.tasks, self.chunksizes, self.kinds = integers
        self._functions, self.flags = (rows[column].astype(int) for column in (FUNCTION, FLAGS))
        self.submitted, self.asked = (
            np.where(at > 0, at, _NOT_YET) for at in rows[[SUBMITTED, ASKED]]
        )
        self._order = np.argsort(self.numbers, kind="stable")

        per_call = -(-self.tasks // self.chunksizes)
        self.first_task, self.first_message = (
            np.append(0, np.cumsum(counts)) for counts in (self.tasks, per_call)
        )
        self.call_of_message = np.repeat(np.arange(len(per_call)), per_call)
        self.sizes = self.chunksizes[self.call_of_message]
        has_some = per_call > 0
        last = self.first_message[1:][has_some] - 1
        self.sizes[last] = (self.tasks - (per_call - 1) * self.chunksizes)[has_some]
        self.first_of_message = np.append(0, np.cumsum(self.sizes))

        self.sent, self.arrived = np.full((2, len(self.sizes)), _NOT_YET)
        for column, at in (self.sent, rows[SENT]), (self.arrived, rows[ARRIVED]):
            column[self.first_message[:-1][at > 0]] = at[at > 0]
        position = np.arange(len(sent)) - np.repeat(begins[:, 1], counts)[: len(sent)]
        known, place = self.find(np.repeat(begins[:, 0], counts), position)
        self.sent[place] = sent[known]
        known, place = self.find(self._log[:, 0].astype(int), self._log[:, 1].astype(int))
        self.arrived[place] = self._log[known, 2]
        self._name_functions(begins)
        self.failures = self._failures(errors, texts)

    @staticmethod
    def _row(iteration: Iteration, sent: int) -> tuple[float, ...]:
        """Return a call of imap as a row of `messages.calls`."""
        tasks = iteration.tasks if iteration.in_chunks else sent
        head = iteration.number, tasks, iteration.chunksize, iteration.kind
        return *head, iteration.made, 0.0, 0.0, 0.0, -1, 0

    def find(self, number: np.ndarray, message: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which of these messages there are, and the places of those that are."""
        if not len(self.numbers):
            return np.zeros(len(number), bool), np.zeros(0, int)
        place = np.searchsorted(self.numbers, number, sorter=self._order)
        call = self._order[place.clip(max=len(self.numbers) - 1)]
        place = self.first_message[call] + message
        known = (self.numbers[call] == number) & (place < self.first_message[call + 1])
        return known, place[known]

    def _name_functions(self, begins: np.ndarray) -> None:
        """Fill in what is known only when a pool sends its first message of a call."""
        number, _, function, star = begins.T
        known, place = self.find(number, np.zeros(len(number), int))
        call = self.call_of_message[place]
        self._functions[call] = function[known]
        starred = (star[known] > 0) & (self.kinds[call] == KINDS.index("map"))
        self.kinds[call[starred]] = KINDS.index("starmap")

    def _failures(self, errors: np.ndarray, texts: list[str]) -> list[Failure]:
        """Return the first error of each message that is known."""
        known, place = self.find(errors[:, 0], errors[:, 1])
        first = np.sort(np.unique(place, return_index=True)[1])
        message, text = place[first], errors[known, 2][first]
        columns = self.call_of_message[message].tolist(), message.tolist(), text.tolist()
        return [Failure(call, at, texts[number]) for call, at, number in zip(*columns, strict=True)]

    @property
    def calls(self) -> tuple[CallDetails, ...]:
        """What each call was, in the order in which they were made."""
        names, kinds = np.array([*self._names, ""], object), np.array(KINDS, object)
        first = np.unique(self._place, return_index=True)[1]
        columns = kinds[self.kinds], self.chunksizes, names[self._functions]
        return tuple(map(CallDetails, *(each[first].tolist() for each in columns)))

    @property
    def call(self) -> SharedColumn:
        """The place of each task's call in `calls`."""
        return SharedColumn(self._place, self.call_of_task)

    @cached_property
    def _place(self) -> np.ndarray:
        """The place in `calls` of what is a call here: the map of an executor is many of these."""
        made = np.argsort(self.submitted, kind="stable")
        new = np.ones(len(made), bool)
        mapped = KINDS.index("executor.map")
        if (self.kinds == mapped).any():
            columns = self.kinds, self._functions, self.submitted, self.asked
            kinds, functions, submitted, asked = (each[made].tolist() for each in columns)
            first = 0
            for row in range(1, len(made)):
                new[row] = not (
                    kinds[first] == kinds[row] == mapped
                    and functions[first] == functions[row]
                    # It submits all tasks before it is asked for a result.
                    and not asked[first] < submitted[row]
                )
                first = row if new[row] else first
        place = np.empty(len(made), int)
        place[made] = np.cumsum(new) - 1
        return place

    @cached_property
    def message_of_task(self) -> np.ndarray:
        """The message of each task."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @cached_property
    def call_of_task(self) -> np.ndarray:
        """The call of each task."""
        return np.repeat(np.arange(len(self.tasks), dtype=np.int32), self.tasks)

    @property
    def task_submitted(self) -> SharedColumn:
        """When each task was submitted: with its call, or if that is imap, when it was drawn."""
        if not self.iterations:
            return SharedColumn(self.submitted - self.origin, self.call_of_task)
        return SharedColumn(self._message_submitted - self.origin, self.message_of_task)

    @property
    def tracked(self) -> bool:
        """Whether calls are those of `Recorder.track`, whose tasks may run more than once."""
        return bool(self.at_once) and self.kinds[0] == KINDS.index("track")

    def order(self) -> np.ndarray | None:
        """Return the tasks in the order in which they were submitted; None if they are in it."""
        moments = (
            self._message_submitted[self.message_of_task] if self.iterations else self.sent[:0]
        )
        return np.argsort(moments, kind="stable") if (np.diff(moments) < 0).any() else None

    @property
    def _message_submitted(self) -> np.ndarray:
        moments = self.submitted[self.call_of_message]
        drawn = slice(self.first_message[self.at_once], None)
        moments[drawn] = self.sent[drawn]
        return moments

    def asked_and_delivered(self, failed: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return when each task was asked for, and when it was delivered.

        failed: for each message that failed, the task that did.
        """
        asked, delivered = self._at_once(failed)
        parts = [(asked, delivered), *map(self._taken, self.iterations)]
        if len(parts) > 1:
            asked, delivered = (np.concatenate(part) for part in zip(*parts, strict=True))
            for failure in self.failures:
                if failure.call >= self.at_once and self.chunksizes[failure.call] > 1:
                    rows = slice(*self.first_of_message[failure.message : failure.message + 2])
                    moment = delivered[rows].copy()
                    delivered[rows] = asked[rows] = _NOT_YET
                    delivered[failed[failure.message]] = moment[0]
        return asked, delivered

    def _at_once(self, failed: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
        calls = slice(0, self.at_once)
        messages = self.first_message[calls]
        if not len(messages):
            return np.empty(0), np.empty(0)
        done = np.maximum.reduceat(self.arrived[: self.first_message[self.at_once]], messages)
        first: dict[int, int] = {}  # the task that failed, of each call that did
        for failure in self.failures:
            if failure.call < self.at_once:
                first.setdefault(failure.call, failed[failure.message])
        has_it = np.full(self.at_once, HAS_CALLBACK)
        has_it[list(first)] = HAS_ERROR_CALLBACK
        asked = self.asked[calls]
        asked = np.where(self.flags[calls] & has_it, np.fmin(asked, done), asked)
        tracked = self.kinds[calls] == KINDS.index("track")
        delivered = np.where(tracked, asked, np.maximum(asked, done))
        asked, in_all = (np.repeat(column, self.tasks[calls]) for column in (asked, delivered))
        if first:
            for call, task in first.items():
                in_all[slice(*self.first_task[call : call + 2])] = _NOT_YET
                in_all[task] = delivered[call]
        return asked, in_all

    def _taken(self, iteration: Iteration) -> tuple[np.ndarray, np.ndarray]:
        """Return when each task of a call of imap was asked for, and when it was delivered."""
        call = self.at_once + self.iterations.index(iteration)
        messages = int(self.first_message[call + 1] - self.first_message[call])
        asked, delivered = np.full((2, messages), _NOT_YET)
        moments = np.array(iteration.taken[:])
        came = moments > 0
        result = np.cumsum(came) - came  # which result each moment is of
        which, place = np.unique(result, return_index=True)
        order = np.arange(messages)
        if iteration.kind == KINDS.index("imap_unordered"):
            order = self._log[self._log[:, 0] == iteration.number, 1].astype(int)
            order = order[order < messages]
        place, which = place[which < len(order)], which[which < len(order)]
        asked[order[which]] = np.abs(moments[place])
        count = min(came.sum(), len(order))
        delivered[order[:count]] = moments[came][:count]
        if not iteration.in_chunks:
            return asked, delivered
        return self._taken_in_chunks(iteration, call, order, asked, delivered)

    def _taken_in_chunks(
        self, iteration: Iteration, call: int, order: np.ndarray, *columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same for tasks that came in chunks.

        columns: for each message, when it was asked for and delivered. The first task of each
        message that failed has those.
        """
        tasks = int(self.tasks[call])
        asked, delivered = np.full((2, tasks), _NOT_YET)
        heads = np.arange(len(columns[0])) * iteration.chunksize
        asked[heads], delivered[heads] = columns
        running = iteration.running
        blocks = np.array(iteration.blocks[:]).reshape(-1, len(BLOCK))
        if running and len(blocks) and not blocks[-1, -1]:
            blocks[-1, 2] = max(1, blocks[-1, 2] - length_hint(running))
            blocks[-1, -1] = clock.now()
        chunk, offset, count = blocks[:, :3].astype(int).T
        there = chunk < len(order)
        chunk, offset, count = chunk[there], offset[there], count[there]
        begin, end = blocks[there, 3:].T
        row = np.repeat(order[chunk] * iteration.chunksize + offset, count)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        row += nth
        inside = row < tasks
        delivered[row[inside]] = (
            np.repeat(begin, count) + nth * np.repeat((end - begin) / count.clip(1), count)
        )[inside]
        asked = np.where(np.isnan(asked), delivered, asked)
        return asked, delivered
