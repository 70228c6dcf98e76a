package tpc

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
)

// imageGate is the real file system. When it is shut, the next who stores the
// metadata waits until it is open.
type imageGate struct {
	disk.FS
	shut    atomic.Bool
	reached chan struct{} // is closed when somebody waits
	open    chan struct{}
}

func (fs *imageGate) Open(path string, flag int) (disk.File, error) {
	if strings.Contains(path, cluster.ImageFile) && fs.shut.CompareAndSwap(true, false) {
		close(fs.reached)
		<-fs.open
	}
	return fs.FS.Open(path, flag)
}

// TestDeletionMeetsFileWork deletes a topic whose log begins a segment, while more
// requests than a shard has goroutines for wait for the controller that the
// deletion has. The file is made all the same, and the deletion ends.
func TestDeletionMeetsFileWork(t *testing.T) {
	rng := seeded(t)
	b := shards(configure(t, t.TempDir()), 1)
	fs := &imageGate{FS: disk.OS, reached: make(chan struct{}), open: make(chan struct{})}
	b.fs = fs
	launch(t, b)
	deleter, other := dial(t, b), dial(t, b)
	topicWith(t, deleter, "t", 1, "segment.bytes", "65536")
	if _, code, err := deleter.produce("t", 0, randomBatch(rng, 60_000)); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	fs.shut.Store(true)
	deletion := kmsg.NewPtrDeleteTopicsRequest()
	deletion.Version, deletion.TimeoutMillis, deletion.TopicNames = 3, 5000, []string{"t"}
	deleter.write(deleter.frame(deletion))
	<-fs.reached
	const more = 8
	id := kmsg.NewPtrInitProducerIDRequest()
	id.Version = 3
	for range more {
		other.write(other.frame(id))
	}
	other.write(other.frame(produceRequest("t", 0, -1, randomBatch(rng, 60_000))))
	until(t, b, 0, "the log has begun a segment", func(s *shard) bool { return onlyPart(s).Log.ActiveSegment().Base > 0 })
	close(fs.open)
	resp, err := deleter.read(deletion, deleter.corr)
	if err != nil {
		t.Fatalf("the deletion: %v", err)
	}
	if code := resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode; code != 0 {
		t.Errorf("the deletion: code %d", code)
	}
	for corr := int32(1); corr <= more; corr++ {
		if resp, err := other.read(id, corr); err != nil {
			t.Fatal(err)
		} else if got := resp.(*kmsg.InitProducerIDResponse); got.ErrorCode != 0 {
			t.Errorf("a producer id: code %d", got.ErrorCode)
		}
	}
	if _, err := other.read(produceRequest("t", 0, -1, nil), more+1); err != nil {
		t.Error(err)
	}
	stop(t, b)
}
