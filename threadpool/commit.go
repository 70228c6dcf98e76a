package threadpool

import (
	"errors"

	"github.com/ceteris/ceteris/models/log"
)

// Syncs at durability=power. With commit=group a log has one sync in flight or
// in the request queue; every append that finishes before it begins is covered
// by it, every other by the next. Handlers append first and sync when there is
// nothing to append, so that one sync covers as much as there is.

// groupCommit syncs the log once and answers what that covers. The caller has
// found the log in the queue.
func (h *handler) groupCommit(r *replica) {
	r.lock.Lock()
	if r.part.Failed() {
		r.syncing = false
		r.lock.Unlock()
		h.broker.produces.CheckAndComplete(r.key)
		return
	}
	mark := r.part.Log.EndMark()
	files := r.filesToSync()
	r.lock.Unlock()

	h.flush()
	h.seat.rest()
	err := syncAll(files)
	h.seat.rise()

	r.lock.Lock()
	if err != nil {
		// Under the lock, so that nobody begins another sync: it would succeed
		// without the pages that this one has lost.
		h.broker.storageFailed(r, err)
	}
	again := false
	if !r.part.Failed() {
		if r.part.Durable(mark) {
			h.actions = append(h.actions, r)
		}
		r.syncedTo(mark.Offset)
		again = r.part.Log.EndOffset() > mark.Offset
	}
	r.syncing = again
	r.lock.Unlock()
	if again {
		h.broker.channel.callback(r)
	}
	h.broker.produces.CheckAndComplete(r.key)
}

// startCommit puts the log into the queue of those that want a sync, unless it
// is there, or in a sync, or has nothing to sync.
func (h *handler) startCommit(r *replica) {
	r.lock.Lock()
	mine := !r.syncing && !r.part.Failed() && r.part.Log.EndOffset() > r.part.HighWatermark().Offset
	if mine {
		r.syncing = true
	}
	failed := r.part.Failed()
	r.lock.Unlock()
	switch {
	case mine:
		h.broker.channel.callback(r)
	case failed:
		h.broker.produces.CheckAndComplete(r.key) // no sync will come that would
	}
}

// filesToSync are the active file and those rolled since the last sync, each
// with a reference for the caller. The caller holds the log's lock.
func (r *replica) filesToSync() []*segmentFile {
	files := r.rolled
	r.rolled = nil
	if f := fileOf(r.part.Log.ActiveSegment()); f.hold() {
		files = append(files, f)
	}
	return files
}

// syncAll syncs and lets go of the files, all of them even after an error.
func syncAll(files []*segmentFile) error {
	var err error
	for _, f := range files {
		err = errors.Join(err, f.file.Sync())
		f.Drop()
	}
	return err
}

// syncNow is commit=each: one sync for one append, under the log's lock as
// Kafka's flush.messages=1 does it.
func (r *replica) syncNow(m log.Mark) error {
	if err := syncAll(r.filesToSync()); err != nil {
		return err
	}
	r.syncedTo(m.Offset)
	return nil
}
