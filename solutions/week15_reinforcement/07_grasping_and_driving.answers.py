# %% exercise="crop_places" answer="by-rotation-matrices" points=4
def crop_places(grasps, ticks):
    places = np.zeros((len(grasps), len(ticks), len(ticks), 2))
    for k, (x, y, angle) in enumerate(grasps):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for r, down in enumerate(ticks):
            for c, right in enumerate(ticks):
                places[k, r, c] = [x, y] + turn @ [right, down]
    return places

# %% exercise="crop_places" answer="turned-the-other-way" points=2
def crop_places(grasps, ticks):
    along, aside = np.meshgrid(ticks, ticks)
    x, y, angle = grasps.T[:, :, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([x + cosine * along + sine * aside, y - sine * along + cosine * aside], axis=-1)

# %% exercise="crop_places" answer="rows-along-the-closing-direction" points=0
def crop_places(grasps, ticks):
    aside, along = np.meshgrid(ticks, ticks)
    x, y, angle = grasps.T[:, :, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([x + cosine * along - sine * aside, y + sine * along + cosine * aside], axis=-1)

# %% exercise="crop_places" answer="turned-about-the-picture's-corner" points=2
def crop_places(grasps, ticks):
    along, aside = np.meshgrid(ticks, ticks)
    x, y, angle = grasps.T[:, :, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = x + along, y + aside
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)

# %% exercise="crop_places" answer="middle-forgotten" points=0
def crop_places(grasps, ticks):
    along, aside = np.meshgrid(ticks, ticks)
    angle = grasps[:, 2, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine * along - sine * aside, sine * along + cosine * aside], axis=-1)

# %% exercise="crop_places" answer="y-before-x" points=0
def crop_places(grasps, ticks):
    along, aside = np.meshgrid(ticks, ticks)
    x, y, angle = grasps.T[:, :, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([y + sine * along + cosine * aside, x + cosine * along - sine * aside], axis=-1)

# %% exercise="labelled_drive" answer="whole-arrays-cut-at-the-end" points=4
def labelled_drive(cars, steer):
    seen, labels, driving = [], [], []
    drives = cars.on_the_road()
    while drives.any():
        pictures = cars.camera()
        seen.append(pictures)
        labels.append(cars.expert())
        driving.append(drives)
        drives = cars.step(steer(cars, pictures))
    driving = np.stack(driving)
    return np.stack(seen)[driving], np.stack(labels)[driving]

# %% exercise="labelled_drive" answer="as-planted" points=1
def labelled_drive(cars, steer):
    seen, labels, drives = [], [], cars.on_the_road()
    while drives.any():
        pictures = cars.camera()
        seen.append(pictures)
        labels.append(steer(cars, pictures))
        drives = cars.step(cars.expert())
    return np.concatenate(seen), np.concatenate(labels)

# %% exercise="labelled_drive" answer="labelled-by-who-drives" points=1
def labelled_drive(cars, steer):
    seen, labels, drives = [], [], cars.on_the_road()
    while drives.any():
        pictures = cars.camera()
        steering = steer(cars, pictures)
        seen.append(pictures[drives])
        labels.append(steering[drives])
        drives = cars.step(steering)
    return np.concatenate(seen), np.concatenate(labels)

# %% exercise="labelled_drive" answer="expert-holds-the-wheel" points=1
def labelled_drive(cars, steer):
    seen, labels, drives = [], [], cars.on_the_road()
    while drives.any():
        seen.append(cars.camera()[drives])
        labels.append(cars.expert()[drives])
        drives = cars.step(cars.expert())
    return np.concatenate(seen), np.concatenate(labels)

# %% exercise="labelled_drive" answer="cars-that-have-left-stay-in" points=1
def labelled_drive(cars, steer):
    seen, labels = [], []
    while cars.on_the_road().any():
        pictures = cars.camera()
        seen.append(pictures)
        labels.append(cars.expert())
        cars.step(steer(cars, pictures))
    return np.concatenate(seen), np.concatenate(labels)

# %% exercise="labelled_drive" answer="labelled-after-the-step" points=0
def labelled_drive(cars, steer):
    seen, labels, drives = [], [], cars.on_the_road()
    while drives.any():
        pictures = cars.camera()
        seen.append(pictures[drives])
        now = cars.step(steer(cars, pictures))
        labels.append(cars.expert()[drives])
        drives = now
    return np.concatenate(seen), np.concatenate(labels)

# %% exercise="metres_per_departure" answer="by-the-logarithm" points=4
def metres_per_departure(driven, length):
    departures = len([d for d in driven if d < length])
    if departures == 0:
        return -float(sum(driven)) / np.log(0.05)
    return float(sum(driven)) / departures

# %% exercise="metres_per_departure" answer="mean-of-all" points=0
def metres_per_departure(driven, length):
    return float(np.mean(driven))

# %% exercise="metres_per_departure" answer="only-those-that-left" points=1
def metres_per_departure(driven, length):
    if np.all(driven >= length):
        return float(np.sum(driven) / np.log(20))
    return float(np.mean(driven[driven < length]))

# %% exercise="metres_per_departure" answer="never-left-is-infinite" points=3
def metres_per_departure(driven, length):
    left = np.sum(driven < length)
    return float(np.sum(driven) / left) if left else float("inf")

# %% exercise="metres_per_departure" answer="a-95-percent-chance" points=3
def metres_per_departure(driven, length):
    left = np.sum(driven < length)
    return float(np.sum(driven) / (left if left else -np.log(0.95)))

# %% exercise="metres_per_departure" answer="the-road's-length-for-all" points=1
def metres_per_departure(driven, length):
    left = np.sum(driven < length)
    return float(len(driven) * length / (left if left else np.log(20)))
