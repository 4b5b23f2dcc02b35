# %% [markdown]
# # 3 · Atari
#
# *Applications* (Goodfellow 2018), slide 31, "Deep RL for Atari game playing"; NCTU week 9, the same; *Intel Hot
# Research*, "Reinforcement Learning". The paper behind them: Mnih et al. 2015, *Human-level control through deep
# reinforcement learning*, its Methods above all.
#
# **You should know** deep Q-learning with its replay memory and its target network (`dqn`). **You will have
# built** all that lies between a games console and that agent: the two frames that end flicker, grey, the resize by
# areas, skipped frames, stacked frames, lives; and an evaluation that tells skill from luck.

# %% [markdown]
# ## Two questions first
#
# 1. (Notebook 2) A network sees one picture of a ball. Why can it not know the value of the state?
# 2. (Notebook 2) Why does the memory mark where an episode was terminated?
#
# <details><summary>Answers</summary>
#
# 1. A picture does not show where the ball is going. The state needs at least two pictures, or a memory.
# 2. Beyond a terminal state there is nothing: the target is the reward alone. What counts as terminal is a choice, as
#    exercise 2 shows.
#
# </details>

# %%
dlcourse.setup("week15/03_atari", seed=153)

import base64
import io
import time

import ale_py
import matplotlib.pyplot as plt
import numpy as np
from ale_py import Action, ALEInterface, roms
from ale_py.vector_env import AtariVectorEnv
from dlcourse import check, claim, plots, seeds, stats
from dlcourse.deep_q_learning import DeepQ, ReplayMemory, q_network
from IPython.display import HTML, display
from PIL import Image

# %% [markdown] topic="atari"
# ## Atari
#
# "Convolutional network estimates the value function (future rewards) used to guide the game-playing agent." And the
# abstract in the other deck: "We demonstrate that the deep Q-network agent, receiving only the pixels and the game
# score as inputs, was able to surpass the performance of all previous algorithms [...] using the same algorithm,
# network architecture and hyperparameters."
#
# The agent of notebook 2 is that algorithm already. What is new is the console: the Arcade Learning Environment
# emulates an Atari 2600, 60 pictures a second of 210 x 160 pixels, a joystick, a button, and the score. Our game is
# Space Invaders, in which most of what the paper does before the network has a reason that can be seen.

# %%
ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)


def console(game, seed):
    """The emulator with a game in it, just switched on."""
    ale = ALEInterface()
    ale.setInt("random_seed", seed)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(roms.get_rom_path(game))
    return ale


ale = console("space_invaders", seed=0)
moves = ale.getMinimalActionSet()  # those that make a difference in this game
print(len(ale.getLegalActionSet()), "actions, of which it needs", [move.name for move in moves])
print("lives:", ale.lives(), "  screen:", ale.getScreenDims(), "  all of the memory:", ale.getRAMSize(), "bytes")

# %% [markdown]
# We play 100 random moves, hold each for four frames, and keep all 400 frames in colour.

# %%
film = []
for number in np.random.default_rng(0).integers(len(moves), size=100).repeat(4):
    ale.act(moves[number])
    film.append(ale.getScreenRGB())
film = np.array(film)  # (400, 210, 160, 3)

# %% [markdown]
# ### Grey
#
# The eye takes green for brighter than red, and red for brighter than blue. Luminance is the weighted sum
# $0.299\,R + 0.587\,G + 0.114\,B$, and it is what the emulator gives when asked for grey.

# %%
grey = np.rint(film @ [0.299, 0.587, 0.114]).astype(np.uint8)  # (400, 210, 160)
print("largest difference from the emulator's own grey:", np.abs(grey[-1].astype(int) - ale.getScreenGrayscale()).max())

# %% [markdown]
# ### Flicker
#
# The console can draw only a few moving things at a time, so programmers drew some of them in even frames and some in
# odd ones. Here are eight frames in a row, enlarged: the cannon below, our shot going up, bombs coming down. Orange is
# what is there for one frame only, brighter than in the frame before and in the one after. An agent that sees every
# fourth frame sees those with a border. What does it never see?

# %% tags=["demo"]
around = grey[159:169, 95:197, 25:115]  # one frame more at each end
now, flashes = around[1:-1], (around[1:-1] > around[:-2]) & (around[1:-1] > around[2:])  # (8, 102, 90)
_, axes = plt.subplots(2, 5, figsize=(12, 5.6))
for end, row in zip([4, 8], axes, strict=True):
    for ax, first in zip(row, [end - 4, end - 3, end - 2, end - 1, end - 2], strict=True):
        part = slice(first, end if ax is row[-1] else first + 1)
        image, flash = (images[part].max(axis=0)[..., None] for images in [now, flashes])  # (102, 90, 1)
        ax.imshow(np.where(flash, [1, 0.62, 0], np.minimum(image / 160, 1)), interpolation="nearest")
        ax.set(title=f"maximum of {end - 1} and {end}" if ax is row[-1] else f"frame {first + 1}", xticks=[], yticks=[])
        ax.spines[:].set(visible=ax is row[-2], color=plots.COLOURS[0], linewidth=4)

# %% [markdown]
# The two bombs appear in odd frames and our shot, higher up, in even ones: every fourth frame shows always the same
# kind. Whatever this agent learned, it would never see a bomb. The remedy is the pixelwise maximum over the last two
# frames; the maximum and not the mean, because these things are bright on a dark ground.
#
# ### Exercise 1 (4 points): areas
#
# The picture goes from 210 x 160 to 84 x 84. Neither 210 / 84 = 2.5 nor 160 / 84 = 1.905 is whole. Picking the nearest
# pixel would throw away whole rows and columns, and a shot is one column wide. So each new pixel is the mean over the
# area that it covers, with weights for the old pixels that it covers in part.
#
# In one dimension: a row of `pixels` old pixels, each of width 1, is cut into `size` pieces of equal width. Entry
# $(i, j)$ of the matrix is the share of piece $i$ that lies in old pixel $j$, so each of its rows sums to 1. `size` may
# be any number from 1 to `pixels`.

# %% nbgrader={"grade": false, "grade_id": "area_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def area_weights(pixels: int, size: int) -> np.ndarray:
    """The matrix (size, pixels) that takes a row of `pixels` values to the means over `size` pieces of equal width."""
    ### BEGIN SOLUTION
    width, old = pixels / size, np.arange(pixels)
    begin = width * np.arange(size)[:, None]  # (size, 1)
    overlap = np.minimum(begin + width, old + 1) - np.maximum(begin, old)  # (size, pixels)
    return np.maximum(overlap, 0) / width
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "area_weights_whole", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("6 pixels to 3 pieces: means of two", area_weights(6, 3),
      expected=[[0.5, 0.5, 0, 0, 0, 0], [0, 0, 0.5, 0.5, 0, 0], [0, 0, 0, 0, 0.5, 0.5]])
### BEGIN HIDDEN TESTS
few, times = check.rng().integers(3, 8, size=2)
check("whole factors", area_weights(int(few * times), int(few)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "area_weights_parts", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("5 pixels to 2 pieces: half of the middle one belongs to each", area_weights(5, 2),
      expected=[[0.4, 0.4, 0.2, 0, 0], [0, 0, 0.2, 0.4, 0.4]])
check("4 to 3: a piece is 4/3 wide", area_weights(4, 3) @ [0, 1, 0, 0], expected=[0.25, 0.5, 0.0])
### BEGIN HIDDEN TESTS
few, more = check.rng().integers(3, 9, size=2)
check("any numbers", area_weights(int(2 * few + more), int(few)))
check("less than twice as many", area_weights(int(few + 2), int(few)))
### END HIDDEN TESTS

# %% [markdown]
# In two dimensions the same is done to the columns and to the rows.

# %% waits=["area_weights"]
def shrink(picture, size=84):
    """(210, 160) to (84, 84): means over areas, rounded."""
    rows, columns = (area_weights(pixels, size) for pixels in picture.shape)
    return np.rint(rows @ picture @ columns.T).astype(np.uint8)


# %% tags=["demo"] waits=["area_weights"]
whole = grey[278:280].max(axis=0)  # (210, 160)
nearest = whole[(np.arange(84) * 210) // 84][:, (np.arange(84) * 160) // 84]
_, axes = plt.subplots(1, 3, figsize=(12, 4.6))
titles = ["210 x 160", "84 x 84, the nearest pixel", "84 x 84, means over areas"]
for ax, image, title in zip(axes, [whole, nearest, shrink(whole)], titles, strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=140, interpolation="nearest", extent=(0, 160, 210, 0))
    ax.set(title=title, xticks=[], yticks=[], ylim=(200, 90))

# %% [markdown]
# ### Exercise 2 (4 points): find the planted bugs
#
# The agent chooses a move, the move is held for four frames, and of these four come one picture, one reward, and
# whether the episode has ended. Two choices of the paper, for training:
#
# - **Rewards are clipped** to their sign, so that one learning rate serves all games: a step that brings points counts
#   1, one that loses points -1. A step is the four frames together.
# - **A lost life ends the episode**, though the game goes on: nothing that is earned in the next life may be a reason
#   to give this one away.
#
# A colleague's version fails in three games. In Space Invaders most hits seem to go unnoticed, and moving things leave
# trails. In Pong, which has no lives (the emulator says 0 all the time), every step ends an episode. In Breakout the
# agent does not mind losing its first lives. Write it without the bugs. (Some games give lives as well as take.)

# %%
def one_step_with_bugs(frames, rewards, lives, over):
    picture = frames.max(axis=0)
    reward = np.sign(rewards[-1])
    ended = over or lives[-1] == 0
    return picture, reward, ended


# %% nbgrader={"grade": false, "grade_id": "one_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def one_step(frames: np.ndarray, rewards: np.ndarray, lives: np.ndarray, over: bool) -> tuple[np.ndarray, float, bool]:
    """The picture (height, width), the clipped reward, and whether the episode has ended, of one move.

    frames (4, height, width): grey, in their order. rewards (4,): the points that each brought. lives (5,): before the
    first frame and after each. over: whether the whole game has ended.
    """
    ### BEGIN SOLUTION
    return frames[-2:].max(axis=0), float(np.sign(rewards.sum())), bool(over or lives[-1] < lives[0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "one_step_picture", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
four = np.arange(1, 5)[:, None, None] * np.array([[1, 0, 0], [-1, 0, 1]]) % 5  # (4, 2, 3): each is a flat picture
check("the brighter of frames 3 and 4, and no trace of 1 and 2", one_step(four, np.zeros(4), np.full(5, 3), False)[0],
      expected=[[4, 0, 0], [2, 0, 4]])
### BEGIN HIDDEN TESTS
four = check.rng().integers(0, 256, size=(4, 5, 6))
check("any four frames", one_step(four, np.zeros(4), np.full(5, 3), False)[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "one_step_reward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def reward_of(points):
    return one_step(np.zeros((4, 2, 2)), np.array(points), np.full(5, 3), False)[1]


check("points in the second of four frames", reward_of([0, 25, 0, 0]), expected=1.0)
check("two hits in one step are still one step", reward_of([5, 0, 10, 0]), expected=1.0)
check("more lost than won", reward_of([1, 0, -200, 0]), expected=-1.0)
### BEGIN HIDDEN TESTS
many = check.rng().choice([0, 0, 0, -10, 5, 30], size=(40, 4))
check("rewards of many steps", [reward_of(points) for points in many])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "one_step_ended", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
def ended_of(lives, over):
    return one_step(np.zeros((4, 2, 2)), np.zeros(4), np.array(lives), over)[2]


check("two lives are left: the episode has ended", ended_of([3, 3, 2, 2, 2], False), expected=True)
check("a game without lives goes on", ended_of([0, 0, 0, 0, 0], False), expected=False)
check("a game without lives is over", ended_of([0, 0, 0, 0, 0], True), expected=True)
check("a life was won", ended_of([3, 3, 4, 4, 4], False), expected=False)
### BEGIN HIDDEN TESTS
before, change = check.rng().integers(1, 6, size=30), check.rng().integers(-1, 2, size=30)
check("many steps", [ended_of([b, b, b, b + c, b + c], False) for b, c in zip(before, change)])
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 (4 points): the stack
#
# A state is the last four pictures. When a new episode begins, what was seen in the old one must not leak into it:
# where the new picture is the first of an episode, zeros stand before it. Eight games are played side by side, and
# their episodes end at different times. Somebody may still hold the old states, so they must not change.

# %% nbgrader={"grade": false, "grade_id": "pushed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pushed(states: np.ndarray, pictures: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """The states (games, height, width, 4) after one more picture of each game, the oldest first, the new one last.

    states: as returned. pictures (games, height, width). fresh (games,): True where an episode begins with the picture.
    """
    ### BEGIN SOLUTION
    after = np.roll(states, -1, axis=-1)
    after[fresh] = 0
    after[..., -1] = pictures
    return after
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pushed_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earlier, later = np.array([[[[1, 2, 3, 4]]]]), np.array([[[5]]])  # one game of one pixel
check("the oldest leaves, the new one is last", pushed(earlier, later, np.array([False])), expected=[[[[2, 3, 4, 5]]]])
check("the old state is as it was", earlier, expected=[[[[1, 2, 3, 4]]]])
### BEGIN HIDDEN TESTS
earlier, later = check.rng().integers(1, 256, size=(3, 5, 6, 4)), check.rng().integers(1, 256, size=(3, 5, 6))
check("three games go on", pushed(earlier, later, np.full(3, False)))
check("their old states", earlier)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pushed_fresh", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earlier, later = np.array([[[[1, 2, 3, 4]]], [[[5, 6, 7, 8]]]]), np.array([[[9]], [[9]]])
check("the second game begins an episode, the first goes on", pushed(earlier, later, np.array([False, True])),
      expected=[[[[2, 3, 4, 9]]], [[[0, 0, 0, 9]]]])
### BEGIN HIDDEN TESTS
earlier, later = check.rng().integers(1, 256, size=(6, 4, 3, 4)), check.rng().integers(1, 256, size=(6, 4, 3))
check("six games", pushed(earlier, later, check.rng().random(6) < 0.5))
check("six games: their old states", earlier)
### END HIDDEN TESTS

# %% [markdown]
# ### The whole of it, against the emulator's own
#
# A game begins with a press of FIRE, where there is such a button, and then up to 30 frames of waiting, so that no two
# games are alike. (The console has no chance of its own: with the same start and a fixed policy, all games would be
# the same game.) Here we leave the waiting out. `AtariVectorEnv` of ale-py does all of this in C++, for many games at
# once. Does it see what we see? We ask in two games: in Breakout lives and games end soon.

# %%
def held(ale, move):
    """What holding a move for four frames brings: frames (4, 210, 160), rewards (4,), lives (5,), over."""
    frames, rewards, lives = [], [], [ale.lives()]
    for _ in range(4):
        rewards.append(ale.act(move))
        frames.append(ale.getScreenGrayscale())
        lives.append(ale.lives())
    return np.array(frames), np.array(rewards), np.array(lives), ale.game_over()


def by_hand(game, choices, seed):
    """State (84, 84, 4), reward and end after each of the chosen moves; after a game's end the next one begins."""
    ale, states, over = console(game, seed), np.zeros((1, 84, 84, 4), np.uint8), True
    for choice in [None, *choices]:
        if begin := over:
            ale.reset_game()
            ale.act(Action.FIRE)
            picture, reward, ended, over = ale.getScreenGrayscale(), 0.0, False, False
        else:
            *seen, over = held(ale, ale.getMinimalActionSet()[choice])
            picture, reward, ended = one_step(*seen, over)
        states = pushed(states, shrink(picture)[None], np.array([begin]))
        yield states[0], reward, ended, over


# %%
def compared(game, choices, seed):
    """Differences of pixels (pictures, 84, 84, 4); of each step: all equal, a reward, an episode's end, a game's."""
    theirs, differences, steps = AtariVectorEnv(game, 1, noop_max=0, life_loss_info=True), [], []
    their_states, _ = theirs.reset(seed=seed)
    for t, (state, reward, ended, over) in enumerate(by_hand(game, choices, seed)):
        if t:
            their_states, their_rewards, their_ends, _, _ = theirs.step(choices[t - 1:t])
            steps.append((their_rewards[0] == reward and their_ends[0] == ended, reward != 0, ended, over))
        if not over:  # the last picture of a game, from which nobody acts, is filled otherwise
            differences.append(np.abs(np.moveaxis(their_states[0], 0, -1) - state.astype(np.int16)))
    theirs.close()
    return np.array(differences), *np.array(steps).T


# %% [markdown]
# Before the comparison, what the two sides look like: the console's screen, and the newest of the four pictures that
# the network gets.

# %% tags=["demo"] waits=["area_weights", "one_step", "pushed"]
gif, gap = [], np.full((420, 20, 3), 255, np.uint8)
for t in range(160, 400, 4):
    small = shrink(grey[t + 2:t + 4].max(axis=0))[..., None].repeat(3, axis=2)  # (84, 84, 3)
    screen = film[t + 2:t + 4].max(axis=0)
    gif.append(Image.fromarray(np.hstack([screen.repeat(2, 0).repeat(2, 1), gap, small.repeat(5, 0).repeat(5, 1)])))
file = io.BytesIO()
gif[0].save(file, "gif", save_all=True, append_images=gif[1:], duration=67, loop=0)
display(HTML(f"<img alt='Space Invaders, and what the network sees of it' width='760' "
             f"src='data:image/gif;base64,{base64.b64encode(file.getvalue()).decode()}'>"))

# %% tags=["demo"] waits=["area_weights", "one_step", "pushed"]
rng = np.random.default_rng(seeds(1)[0])
both = [compared(name, rng.integers(moves_of, size=count), int(rng.integers(2**30)))
        for name, moves_of, count in [("space_invaders", 6, 400), ("breakout", 4, 400)]]
differences, same, brought, ended_then, over_then = (np.concatenate(parts) for parts in zip(*both))
print(f"{brought.sum()} rewards, {ended_then.sum()} ends of episodes, {over_then.sum()} of games;",
      f"rewards and ends are equal in {100 * same.mean():g}% of {len(same)} steps")
print(f"largest difference: {differences.max()} of 255; equal pixels: {100 * (differences == 0).mean():.2f}%")

# %% [markdown]
# A difference of 1 is the rounding of a tie. From here on the emulator's own does the work: it is faster, and it plays
# many games at a time.
#
# What the network sees of motion is in the stack. All four pictures at once, each in a tint, the oldest dark blue, the
# newest orange; the four tints sum to white. So what stands still is grey, and what moves trails blue behind it.

# %% tags=["demo"] waits=["area_weights", "one_step", "pushed"]
shown = [state for state, *_ in by_hand("space_invaders", [1, 2, 4, 5] * 25, seed=7)][40:101:20]  # 4 x (84, 84, 4)
tints = [[0, 0.05, 0.45], [0.05, 0.25, 0.3], [0.25, 0.35, 0.2], [0.7, 0.35, 0.05]]  # they sum to [1, 1, 1]
_, axes = plt.subplots(1, 4, figsize=(13, 3.5))
for t, (ax, stack) in enumerate(zip(axes, shown, strict=True)):
    ax.imshow(np.minimum(stack[22:82, 8:68] / 100 @ tints, 1), interpolation="nearest")
    ax.set(title=f"step {40 + 20 * t}", xticks=[], yticks=[])

# %% [markdown]
# ### The agent
#
# `q_network`, `ReplayMemory` and `DeepQ` come from notebook 2 as they are. Only the numbers are the paper's: three
# convolutions and a layer of 512 units. How many parameters is that? By formula, layer by layer, and as Keras counts:

# %%
convolutions = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # filters, size, stride


def parameters(actions):
    side, channels, count = 84, 4, 0
    for filters, size, stride in convolutions:
        count += filters * (size * size * channels + 1)
        side, channels = (side - size) // stride + 1, filters
    return count + 512 * (side * side * channels + 1) + actions * (512 + 1)


# %% tags=["demo"]
counted = [(n, parameters(n), q_network((84, 84, 4), n, convolutions, 512).count_params()) for n in [4, 6, 18]]
plots.table(["actions", "parameters by formula", "in Keras"], [list(row) for row in counted])

# %% [markdown]
# 1.6 million of them are in the layer of 512 units. The memory is far larger: the paper keeps the last million steps. A
# step needs the state, four pictures, and the next state, four pictures. How much is that, and how much is needed?

# %%
each, million = 84 * 84, 10**6
plots.table(["what is kept", "gigabytes"], [
    ["states and next states as 32-bit floats", 8 * 4 * each * million / 1e9],
    ["the same as bytes", 8 * each * million / 1e9], ["each picture once", each * million / 1e9],
    ["the short run below", each * 1_920 / 1e9]])

# %% [markdown]
# `ReplayMemory` keeps each picture once, and puts the states together when they are drawn: it remembers how old each
# episode was, and fills with zeros as `pushed` does.
#
# ### A short run
#
# Eight games are played side by side, and every fourth step of a game there is a lesson of 32 steps from the memory, as
# in the paper. The rest is shrunk to seconds: 1,920 steps of play where the paper has fifty million (and RMSProp where
# we have Adam). One subtlety: after a *game's* end the emulator uses the next step to begin a new one and ignores the
# move, so that step is never learned from; after a lost life the next move counts.

# %%
def short_run(agent, steps, rng, lessons=2, first=60):
    """Learn while 8 games are played for `steps` steps; the losses, the sum of rewards, steps a second."""
    games = AtariVectorEnv("space_invaders", 8, stack_num=1, life_loss_info=True)
    memory, losses = ReplayMemory(steps, 8, (84, 84), stack=4), []
    pictures, _ = games.reset(seed=int(rng.integers(2**30)))  # (8, 1, 84, 84)
    states = pushed(np.zeros((8, 84, 84, 4), np.uint8), pictures[:, 0], np.full(8, True))
    begins = np.full(8, False)  # where the next step only begins a game
    for step in range(steps):
        actions = agent.act(states, max(0.1, 1 - step / (0.8 * steps)), rng)  # epsilon falls from 1 to 0.1
        pictures, rewards, terminated, truncated, info = games.step(actions)
        useless = begins | truncated
        memory.add(states[..., -1], actions, rewards, terminated & ~useless, useless)
        states = pushed(states, pictures[:, 0], terminated | useless)
        begins = truncated | (terminated & (info["lives"] == 0))
        if step >= first:
            losses += [float(agent.learn(*memory.sample(32, rng))) for _ in range(lessons)]
        if step == first + 5:  # all is compiled
            began = time.perf_counter()
        if step % 50 == 0:
            agent.synchronize()  # every 10,000 lessons in the paper
    games.close()
    return np.array(losses), memory.rewards.sum(), 8 * (steps - first - 6) / (time.perf_counter() - began)


# %% [markdown]
# ### How to measure it
#
# The paper's protocol: whole games and not lives, points as the game counts them and not their signs, at most five
# minutes each, different starts, $\epsilon = 0.05$, thirty games, their mean *and their standard deviation*.
#
# The score of random play must stand beside it. There is a second baseline that is often forgotten: a player who holds
# down one button. In some games (Freeway: up) such a player beats chance by far without looking at the screen, and a
# network that has learned nothing but a preference for one action looks like progress. So there is a third player: the
# trained network, *blind*. Each game is shown the screen of its neighbour, and nothing remains but such preferences.

# %%
def rewards_of(games, choose, rng):
    """Points (steps, games) of whole games, begun anew; choose(states) gives actions (games,)."""
    pictures, _ = games.reset()
    states, going, points = np.zeros((len(pictures), 84, 84, 4), np.uint8), np.full(len(pictures), True), []
    while going.any():
        states = pushed(states, pictures[:, 0], np.full(len(states), not points))
        actions = np.where(rng.random(len(states)) < 0.05, rng.integers(len(moves), size=len(states)), choose(states))
        pictures, rewards, terminated, truncated, _ = games.step(actions)
        points.append(rewards * going)
        going &= ~(terminated | truncated)
    return np.array(points)


# %% [markdown]
# Predict: which of the six constant players will be best, and will it beat chance? Will a quarter of a minute of
# learning beat either? (All players make 5% random moves.) In the picture a dot is a game and a bar the mean of a
# player's games; heights grow as square roots.

# %% tags=["demo"] waits=["pushed"]
rng = np.random.default_rng(seeds(1)[0])
agent = DeepQ(*(q_network((84, 84, 4), len(moves), convolutions, 512) for _ in range(2)), rate=2.5e-4, discount=0.99)
losses, hits, steps_a_second = short_run(agent, 240, rng)
print(f"{len(losses)} lessons; {hits:.0f} steps brought points; {steps_a_second:.0f} steps a second while learning")
games = AtariVectorEnv("space_invaders", 24, stack_num=1, reward_clipping=False, max_num_frames_per_episode=18_000)
games.reset(seed=int(rng.integers(2**30)))
by_player = {"random": rewards_of(games, lambda states: rng.integers(len(moves), size=24), rng)}
constant = rewards_of(games, lambda states: np.repeat(np.arange(len(moves)), 4), rng)  # (steps, 24)
by_player |= {move.name: constant[:, 4 * i:4 * i + 4] for i, move in enumerate(moves)}
chosen = np.zeros(len(moves))


def learned(states):
    best = agent.act(states, 0.0, rng)
    chosen[:] += np.bincount(best, minlength=len(moves))
    return best


both = rewards_of(games, lambda states: learned(np.concatenate([states[:12], np.roll(states[12:], 1, axis=0)])), rng)
by_player |= {"short run": both[:, :12], "the same, blind": both[:, 12:]}
scores = {name: points.sum(axis=0) for name, points in by_player.items()}  # name: (games,)

# %% tags=["demo"] waits=["pushed"]
_, ax = plt.subplots(figsize=(9.5, 4.2))
ax.set_yscale("function", functions=(np.sqrt, np.square))
for i, values in enumerate(scores.values()):
    ax.plot(i + np.linspace(-0.25, 0.25, len(values)), np.sort(values), "o", color=plots.COLOURS[0], markersize=4)
    ax.hlines(values.mean(), i - 0.35, i + 0.35, color=plots.COLOURS[1], linewidth=3)
for score, name, align in [(148, "random", "center"), (1652, "human", "top"), (1976, "DQN", "bottom")]:
    ax.axhline(score, color="grey", linestyle=":")
    ax.text(8.7, score, f"the paper's {name}: {score}", va=align, fontsize=9)
ax.set(xlim=(-0.6, 8.6), ylim=(0, 2300), ylabel="points in a game", yticks=[0, 50, 100, 200, 500, 1000, 2000])
_ = ax.set_xticks(range(len(scores)), [name.replace("FIRE", "\nFIRE").replace(", ", ",\n").strip() for name in scores])

# %% tags=["demo"] waits=["pushed"]
summary = [[name, len(values), *stats.mean_interval(values), values.std(ddof=1), values.max()]
           for name, values in scores.items()]
plots.table(["player", "games", "mean score", "its 95% half-width", "standard deviation", "best game"], summary)
print(f"the run's favourite: {moves[int(chosen.argmax())].name}, {100 * chosen.max() / chosen.sum():.0f}% of choices")

# %% [markdown]
# ### What the sign loses
#
# The invaders of the lowest row are worth 5 points, those of the highest 30, the mother ship 200. To the agent they are
# all worth 1. What the random games brought, in points and in signs:

# %% tags=["demo"] waits=["pushed"]
found, times = np.unique(by_player["random"][by_player["random"] > 0], return_counts=True)
plots.table(["points in a step", "times", "share of the points (%)", "share of the clipped rewards (%)"],
            np.stack([found, times, 100 * found * times / (found @ times), 100 * times / times.sum()], axis=1).tolist())

# %% [markdown]
# So the agent maximizes the number of hits, which is not the number of points: it has no reason to wait for a mother
# ship. Where one good thing is worth a hundred small ones, the clipped game is a different game.

# %% tags=["demo"] waits=["pushed"]
gain = scores["short run"].mean() - scores["random"].mean()
spread = np.hypot(*(stats.mean_interval(scores[name])[1] for name in ["short run", "random"]))
best = max((move.name for move in moves), key=lambda name: scores[name].mean())
claim(
    "atari",
    measured={"emulator's own pictures against those by hand: largest difference (of 255)": int(differences.max()),
              "steps with equal reward and end (%)": 100 * same.mean(),
              "parameters for 18 actions": counted[-1][2],
              "Space Invaders, random: mean of 24 games, 95% half-width": stats.mean_interval(scores["random"]),
              "short run, 1,920 steps: mean of 12 games, 95% half-width": stats.mean_interval(scores["short run"]),
              "the same network, shown another game's screen": stats.mean_interval(scores["the same, blind"]),
              "gain of the short run over random, 95% half-width": [gain, spread],
              "best constant player, mean of 4 games": [best, scores[best].mean()],
              "steps a second, with learning": steps_a_second,
              "hours for the paper's 50 million steps": 50e6 / steps_a_second / 3600},
    holds=differences.max() <= 1 and same.all() and all(a == b for _, a, b in counted) and len(losses) == 360
    and np.isfinite(losses).all() and 74 < scores["random"].mean() < 296,
    because="the pipeline is the emulator's own to a rounding, random play scores what the paper's does, and the run's "
            "score stands beside both baselines; the run is far too short to count as learning",
)

# %% [markdown]
# Look at the gain and its interval, then at the best constant player, then at the blind one. The run has seen 1,920
# steps, 16 seconds of play of each game, and the few rewards counted above. A network this young has hardly more than a
# preference for a button: how often it makes its favourite move stands under the table. Whether such a player falls
# above or below chance hangs on which button that is. The seeing player's mean less the blind one's is what sight was
# worth: 12 games show only a large difference, and chance may well make it negative. Of four such runs with different
# seeds, made when this was written, one came out above random play and three below, and the best constant player beat
# them all. **A score above random play is no proof of sight.**
#
# How long would it take? The paper says that it trained "for a total of 50 million frames (that is, around 38 days of
# game experience in total)". At 60 frames a second 38 days are 197 million frames: so the 50 million are *steps* of
# four frames each, with 12.5 million lessons. The rate of this run gives the hours on the card.
#
# **How this could be wrong.** One run, from one start of the network: its interval is over games, not over runs, and
# says nothing of what another run would give. The paper's random player chose ten moves a second, ours fifteen. The
# constants have four games each, and the best of six players is picked by the same games that give its score.
#
# **Often mistaken.** (a) gymnasium's `ALE/...-v5` holds the move before in place of the new one for a quarter of all
# frames (`repeat_action_probability=0.25`); scores with and without are not comparable. (b) ale-py's
# `episodic_life=True` begins a *new game* after each lost life, so only first lives are ever played;
# `life_loss_info=True` is the paper's. (c) The step after a game's end is not a step.
#
# **Practice has moved on**: those sticky actions are the recommended protocol since 2018, with all 18 actions and no
# life signal (Machado et al.). Double and distributional Q-learning, prioritized replay and n-step targets together
# (Rainbow, 2018) reach DQN's final level in less than a tenth of its frames, and the benchmark Atari 100k gives an
# agent 100,000 steps, two hours of play.
#
# ### The full run
#
# ```
# python -m dlcourse.atari --game Pong --hours 8
# ```
#
# It does what this notebook did, with a memory of 100,000 steps. Every ten minutes it writes a checkpoint, plays eight
# whole games, adds a line to `progress.csv`, and makes a video of one. Stop it with Ctrl-C; the same command goes on
# where it was. (The memory is not kept: lessons go on when it holds 5,000 steps again.) `--hours 16` later continues
# the run.

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# ## To remember
#
# - Each step before the network has a reason: flicker, size, speed, motion. Leave one out and the agent is blind to
#   something, and no error message says so.
# - What ends an episode, what a step is and what a reward is are choices. The score is reported without them: whole
#   games, real points.
# - A replay memory is built of single pictures in bytes; anything else does not fit.
# - Beside a score stand random play, the best constant action, the number of games and their spread.
#
# ## At full scale
#
# | where | what | steps | lessons | memory | time |
# |---|---|---|---|---|---|
# | this notebook | Space Invaders | 1,920 | 360 | 14 MB | seconds |
# | this laptop | `python -m dlcourse.atari --game Pong --hours 8` | millions | a quarter of the steps | 0.7 GB | a night |
# | one GPU | the same, `--memory 1000000` | 10 million | 2.5 million | 7 GB | days |
# | the paper (Mnih et al. 2015) | 49 games, 1.69 million parameters each | 50 million a game | 12.5 million | 7 GB | not printed |
#
# Next: notebook 4 looks ahead where the rules are known.

# %%
dlcourse.submit()
