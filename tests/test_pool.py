"""Work for processes and threads: results in order, and no more of them at a time than workers need."""

import os
import signal
from functools import partial

import pytest

from ketaqa.pool import mapped, threaded


def marked(folder, number):
    (folder / f"{number}-{os.getpid()}").touch()
    return number


def marking(folder):
    return partial(marked, folder)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("several", ["processes", "threads"])
def test_results_come_in_order_and_few_are_made_ahead(several, workers, tmp_path):
    job = marking(tmp_path)
    numbers = iter(range(40))
    results = threaded(job, numbers, workers) if several == "threads" else mapped(partial(marking, tmp_path), numbers, workers)
    for wanted in range(20):
        assert next(results) == wanted
        # what waits must not fill the memory
        assert len(list(tmp_path.iterdir())) <= wanted + 1 + 2 * workers
    results.close()
    assert len(list(tmp_path.iterdir())) <= 20 + 2 * workers
    assert next(numbers) <= 20 + 2 * workers


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_in_a_process_comes_to_the_caller(workers):
    with pytest.raises(ZeroDivisionError):
        list(mapped(partial(partial, divmod, 1), [1, 0, 1], workers))


def interrupted(number):
    os.kill(os.getpid(), signal.SIGINT)
    return number


def test_an_interrupt_ends_no_process_halfway_through_a_result():
    assert list(mapped(partial(partial, interrupted), range(6), 2)) == list(range(6))
