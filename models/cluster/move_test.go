package cluster

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

func TestSetOwnersRefuses(t *testing.T) {
	im := must(t, New("c", 1, log.DefaultConfig()), topic(1, 3))
	name := im.Topics()[0].Name
	for _, moves := range [][]Move{
		{{"nope", 0, 1}},
		{{name, 3, 1}},
		{{name, -1, 1}},
		{{name, 0, -1}},
		{{name, 0, 1}, {name, 0, 2}},
	} {
		if next, code, msg := im.Apply(SetOwners{Moves: moves}); next != nil || code == 0 || msg == "" {
			t.Errorf("%+v: code %d, message %q", moves, code, msg)
		}
	}
}

// Only what moves changes, in the new image alone, and its epoch only if asked.
func TestSetOwners(t *testing.T) {
	im := must(t, New("c", 1, log.DefaultConfig()), topic(1, 3), topic(2, 2))
	a, b := im.Topics()[0].Name, im.Topics()[1].Name
	for _, epochs := range []bool{false, true} {
		next := must(t, im, SetOwners{Moves: []Move{{a, 0, 0}, {a, 2, 5}, {b, 1, 4}}, NewEpochs: epochs})
		if got := im.Topics()[0].Parts[2].Owner; got != 0 {
			t.Fatalf("the image before has owner %d", got)
		}
		for ti, top := range next.Topics() {
			for i := range top.Parts {
				pm, was, epoch := top.Parts[i], im.Topics()[ti].Parts[i], int32(0)
				owner := map[[2]int]int32{{0, 2}: 5, {1, 1}: 4}[[2]int{ti, i}]
				if owner != 0 && epochs {
					epoch = 1
				}
				if pm.Owner != owner || pm.LeaderEpoch != was.LeaderEpoch+epoch || pm.PartitionEpoch != was.PartitionEpoch+epoch {
					t.Errorf("epochs %v, %s-%d: %+v", epochs, top.Name, i, pm)
				}
			}
		}
		if next.Topic([]byte(a)) != next.Topics()[0] || next.TopicByID(next.Topics()[1].ID) != next.Topics()[1] {
			t.Error("the ways to a topic differ")
		}
	}
}

// The moves that even numbers out are as few as Reassign's, and do it.
func TestEvenMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(1, 9).Draw(t, "shards")
		im := New("c", 1, log.DefaultConfig())
		for i := range rapid.IntRange(0, 5).Draw(t, "topics") {
			c := topic(i, rapid.Int32Range(1, 12).Draw(t, "partitions"))
			for range c.Partitions {
				c.Owners = append(c.Owners, rapid.Int32Range(0, int32(shards-1)).Draw(t, "owner"))
			}
			next, code, msg := im.Apply(c)
			if code != 0 {
				t.Fatal(msg)
			}
			im = next
		}
		moves := im.EvenMoves(shards)
		if want := fewestMoves(im, shards); len(moves) != want {
			t.Fatalf("%d moves, %d are needed", len(moves), want)
		}
		next, code, msg := im.Apply(SetOwners{Moves: moves})
		if code != 0 {
			t.Fatal(msg)
		}
		if load := ownerLoad(next, shards); slices.Max(load)-slices.Min(load) > 1 {
			t.Fatalf("after the moves: %v", load)
		}
		if again := next.EvenMoves(shards); len(again) > 0 {
			t.Fatalf("%d moves more", len(again))
		}
	})
}

// fakeMover refuses to let some partitions go.
type fakeMover struct {
	stays map[int32]error
	order []string
	image *Image
	got   []Handover
}

func (m *fakeMover) OpenPartition(*Topic, int32, *log.Log) error { return nil }
func (m *fakeMover) ClosePartition(*Topic, int32)                {}
func (m *fakeMover) Publish(im *Image)                           { m.image = im }

func (m *fakeMover) Quiesce(hs []Handover) []error {
	m.order = append(m.order, "quiesce")
	errs := make([]error, len(hs))
	for i := range hs {
		errs[i] = m.stays[hs[i].Index]
	}
	return errs
}

func (m *fakeMover) HandOver(im *Image, hs []Handover) error {
	m.order = append(m.order, "hand over")
	m.image, m.got = im, hs
	return nil
}

// The image that is published and the one that is stored name the owners that
// partitions really have, whatever of a batch can move.
func TestControllerMove(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		stays map[int32]error
		moves []Move
		errs  []bool
		want  []int32
		order int
	}{
		{"all", nil, []Move{{"t", 0, 1}, {"t", 1, 2}}, []bool{false, false}, []int32{1, 2, 0, 0}, 2},
		{"one stays", map[int32]error{1: broken}, []Move{{"t", 0, 1}, {"t", 1, 2}}, []bool{false, true}, []int32{1, 0, 0, 0}, 2},
		{"all stay", map[int32]error{0: broken}, []Move{{"t", 0, 1}}, []bool{true}, []int32{0, 0, 0, 0}, 1},
		{"there already", nil, []Move{{"t", 3, 0}}, []bool{false}, []int32{0, 0, 0, 0}, 0},
		{
			"nonsense beside sense", nil,
			[]Move{{"t", 4, 1}, {"u", 0, 1}, {"t", 0, 3}, {"t", 0, -1}, {"t", 2, 2}, {"t", 2, 1}},
			[]bool{true, true, true, true, false, true},
			[]int32{0, 0, 2, 0},
			2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := disk.NewMem()
			im := must(t, New("c", 1, log.DefaultConfig()), CreateTopic{Name: "t", ID: [16]byte{1}, Partitions: 4, ReplicationFactor: 1, Owners: make([]int32, 4)})
			m := &fakeMover{stays: c.stays}
			ctl := &Controller{fs: fs, dir: "data/cluster", shards: 3, image: im}
			ctl.Serve(m)
			for i, err := range ctl.Move(c.moves) {
				if (err != nil) != c.errs[i] {
					t.Errorf("%+v: %v", c.moves[i], err)
				}
			}
			if len(m.order) != c.order {
				t.Errorf("the host did %v", m.order)
			}
			stored := m.image
			if c.order > 0 {
				var err error
				if stored, err = Load(fs, "data/cluster"); err != nil {
					t.Fatal(err)
				}
			}
			for i, want := range c.want {
				pub, st := m.image.Topics()[0].Parts[i].Owner, stored.Topics()[0].Parts[i].Owner
				if pub != want || st != want {
					t.Errorf("partition %d: published on %d, stored on %d, want %d", i, pub, st, want)
				}
			}
		})
	}
}

// A broker without shards says so.
func TestMoveNeedsShards(t *testing.T) {
	ctl := &Controller{image: New("c", 1, log.DefaultConfig())}
	if errs := ctl.Move([]Move{{"t", 0, 0}}); !errors.Is(errs[0], ErrNoShards) {
		t.Fatal(errs)
	}
}
