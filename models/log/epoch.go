package log

import "slices"

// EpochStart says at which offset a leader epoch began.
type EpochStart struct {
	Epoch int32
	Start int64
}

// maxEpochs bounds the cache; the oldest go first. A log that changes leader
// every minute for a year within its retention stays below it.
const maxEpochs = 1 << 20

// Epochs is the leader-epoch cache, ascending. It must not be changed. Any thread.
func (l *Log) Epochs() []EpochStart { return *l.epochs.Load() }

// noteEpoch records the first batch of an epoch. One before it that has no record
// left goes, as in Kafka: retention may have taken all of them. Writer only.
func (l *Log) noteEpoch(epoch int32, start int64) {
	have := l.Epochs()
	if epoch < 0 || len(have) > 0 && have[len(have)-1].Epoch >= epoch {
		return
	}
	for len(have) > 0 && have[len(have)-1].Start >= start {
		have = have[:len(have)-1]
	}
	if len(have) >= maxEpochs {
		have = have[len(have)-maxEpochs+1:]
	}
	next := append(slices.Clip(slices.Clone(have)), EpochStart{epoch, start})
	l.epochs.Store(&next)
	l.epochsOld.Store(true)
}

// EpochEnd answers where an epoch ended (KIP-101): for the latest epoch the
// log's end; for one between known epochs the largest known epoch that is not
// above it and the start of the next; for one before the first known epoch
// itself and the first start; for any other (-1, -1). Any thread.
func (l *Log) EpochEnd(epoch int32) (int32, int64) {
	have := l.Epochs()
	if epoch < 0 || len(have) == 0 {
		return -1, -1
	}
	last := have[len(have)-1]
	switch {
	case epoch == last.Epoch:
		return epoch, l.EndOffset()
	case epoch > last.Epoch:
		return -1, -1
	case epoch < have[0].Epoch:
		return epoch, have[0].Start
	}
	i, found := slices.BinarySearchFunc(have, epoch, func(e EpochStart, t int32) int { return int(e.Epoch) - int(t) })
	if !found {
		i--
	}
	return have[i].Epoch, have[i+1].Start
}

// epochAt is the leader epoch in which offset was written, -1 when unknown.
func epochAt(have []EpochStart, offset int64) int32 {
	epoch := int32(-1)
	for _, e := range have {
		if e.Start > offset {
			break
		}
		epoch = e.Epoch
	}
	return epoch
}

// trimEpochs forgets what lies outside [start, end): epochs that began at or
// after end, and those that ended at or before start. The one that start falls
// into begins there from now on, as Kafka has it.
func trimEpochs(have []EpochStart, start, end int64) []EpochStart {
	next := make([]EpochStart, 0, len(have))
	for i, e := range have {
		if e.Start >= end && end >= 0 {
			break
		}
		if i+1 < len(have) && have[i+1].Start <= start {
			continue
		}
		e.Start = max(e.Start, start)
		next = append(next, e)
	}
	return next
}
