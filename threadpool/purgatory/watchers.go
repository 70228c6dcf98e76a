package purgatory

import (
	"encoding/binary"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// Key names what an operation waits for: a partition.
type Key struct {
	Topic     [16]byte
	Partition int32
}

// hash mixes the key with the finaliser of MurmurHash3.
func (k *Key) hash() uint64 {
	h := binary.LittleEndian.Uint64(k.Topic[:8]) ^ binary.LittleEndian.Uint64(k.Topic[8:]) ^ uint64(uint32(k.Partition))<<17
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// shards is Kafka's number of watcher lists.
const shards = 512

// shard guards the operations of the keys that hash to it.
type shard struct {
	lock kernel.Mutex
	keys map[Key]*watchers
	_    [64]byte // keep the locks of neighbours on their own cache lines
}

// watchers are the operations under one key. They are only touched under the
// shard's lock; completing happens outside it, on a copy.
type watchers struct{ ops []*Delayed }

func (s *shard) add(k Key, d *Delayed) {
	s.lock.Lock()
	w := s.keys[k]
	if w == nil {
		if s.keys == nil {
			s.keys = make(map[Key]*watchers)
		}
		w = &watchers{}
		s.keys[k] = w
	}
	w.ops = append(w.ops, d)
	s.lock.Unlock()
}

// copyTo appends the operations under k to buf.
func (s *shard) copyTo(buf []*Delayed, k Key) []*Delayed {
	s.lock.Lock()
	if w := s.keys[k]; w != nil {
		buf = append(buf, w.ops...)
	}
	s.lock.Unlock()
	return buf
}

// sweep drops the completed operations under k, and the list when it is empty.
func (s *shard) sweep(k Key) int {
	s.lock.Lock()
	defer s.lock.Unlock()
	w := s.keys[k]
	if w == nil {
		return 0
	}
	dropped := w.sweep()
	if len(w.ops) == 0 {
		delete(s.keys, k)
	}
	return dropped
}

// purge sweeps every key of the shard.
func (s *shard) purge() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	dropped := 0
	for k, w := range s.keys {
		dropped += w.sweep()
		if len(w.ops) == 0 {
			delete(s.keys, k)
		}
	}
	return dropped
}

func (w *watchers) sweep() int {
	kept := w.ops[:0]
	for _, d := range w.ops {
		if !d.completed.Load() {
			kept = append(kept, d)
		}
	}
	dropped := len(w.ops) - len(kept)
	clear(w.ops[len(kept):])
	w.ops = kept
	return dropped
}
