"""Every attack of every group gets what it declares, and leaves nothing behind."""

import pytest
from suite import FULL, GROUPS, GROWTH, Memory, attacks

CASES = [(attack, isolation) for attack in attacks() for isolation in attack.isolations]


@pytest.mark.slow
@pytest.mark.parametrize("attack, isolation", CASES, ids=[f"{attack.name}-{isolation}" for attack, isolation in CASES])
def test_attack_gets_what_it_declares_and_leaves_nothing(battlefield, attack, isolation):
    before = battlefield.snapshot()
    with Memory() as memory:
        ran = battlefield.run(attack.submission(battlefield.given), isolation, attack.limits)
    told = f"{ran.verdict} ({ran.result['reason']}), {ran.marks}; said: {ran.said[:1500]}"
    assert battlefield.left_behind(before) == {}, told
    assert ran.verdict in attack.verdicts, told
    assert ran.marks == attack.marks, told
    assert memory.grown < GROWTH, f"the grader's memory grew by {memory.grown / 2**20:.0f} MiB"
    assert ran.result["seconds"] < attack.limits.notebook + 10, told
    for text in attack.says:
        assert text in ran.said, told
    for text in attack.never:
        assert not ran.holds(text)
    honest = battlefield.run_honest(isolation)
    assert (honest.verdict, honest.marks) == ("graded", FULL)


def test_every_group_has_attacks():
    assert {attack.path.parent.name for attack in attacks()} == set(GROUPS)
