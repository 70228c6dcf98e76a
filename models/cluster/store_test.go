package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

const dir = "/data/cluster"

func TestLoadWhereNothingIsStored(t *testing.T) {
	im, err := Load(disk.NewMem(), dir)
	if err != nil || len(im.Topics()) != 0 || im.ClusterID() != "" {
		t.Fatalf("%v %+v", err, im)
	}
	im, err = im.WithBroker("new", 7, log.DefaultConfig())
	if err != nil || im.ClusterID() != "new" || im.NodeID() != 7 {
		t.Fatalf("%v %+v", err, im)
	}
}

// withData is a file system whose data directory survives a crash.
func withData(t *testing.T) *disk.Mem {
	fs := disk.NewMem()
	if err := errors.Join(fs.MkdirAll("/data"), fs.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return fs
}

// TestSaveAtEveryCrash fails and crashes at each operation of a save in turn:
// what loads is the old image or the new one, and the new one once Save returned nil.
func TestSaveAtEveryCrash(t *testing.T) {
	old := must(t, New("c", 1, log.DefaultConfig()), topic(1, 2))
	fresh := must(t, old, topic(2, 3), DeleteTopic{Name: "t1"})
	boom := errors.New("boom")
	for step := 0; ; step++ {
		fs := withData(t)
		if err := Save(fs, dir, old); err != nil {
			t.Fatal(err)
		}
		n := 0
		fs.SetFault(func(disk.Op) error {
			if n++; n > step {
				return boom
			}
			return nil
		})
		err := Save(fs, dir, fresh)
		fs.SetFault(nil)
		if err != nil && !errors.Is(err, boom) {
			t.Fatalf("step %d: %v", step, err)
		}
		for name, at := range map[string]*disk.Mem{"restart": fs, "power loss": fs.Crash()} {
			im, lerr := Load(at, dir)
			if lerr != nil {
				t.Fatalf("step %d, %s: %v", step, name, lerr)
			}
			got := dump(im)
			if got != dump(fresh) && (err == nil || got != dump(old)) {
				t.Fatalf("step %d, %s (save said %v): loaded\n%s", step, name, err, got)
			}
		}
		if err == nil {
			if step < 4 {
				t.Fatalf("a save of %d operations cannot be durable", step)
			}
			return
		}
	}
}

func TestFirstSaveSurvivesPowerLoss(t *testing.T) {
	fs := withData(t)
	im := must(t, New("c", 1, log.DefaultConfig()), topic(1, 1))
	if err := Save(fs, dir, im); err != nil {
		t.Fatal(err)
	}
	got, err := Load(fs.Crash(), dir)
	if err != nil || dump(got) != dump(im) {
		t.Fatalf("%v:\n%s", err, dump(got))
	}
}

func TestLoadRefuses(t *testing.T) {
	const (
		head = `{"formatVersion":1,"version":1,"clusterId":"c","nodeId":1,"nextProducerId":0,"topics":[`
		id   = "AAAAAAAAAAAAAAAAAAAACg"
		part = `{"leader":1,"leaderEpoch":0,"partitionEpoch":0,"replicas":[1],"isr":[1],"owner":0}`
	)
	top := func(name, id, parts, configs string) string {
		return `{"name":"` + name + `","id":"` + id + `","configs":{` + configs + `},"partitions":[` + parts + `]}`
	}
	for _, c := range [][2]string{
		{head + top("a", id, part, "") + "]}", ""},
		{"", "byte 0: EOF"},
		{head, "unexpected EOF"},
		{head + "]} x", "something follows the image"},
		{`{"formatVersion":2}`, "format version 2, this program reads 1"},
		{`{"formatVersion":1,"extra":1}`, `unknown field "extra"`},
		{`{"formatVersion":1,"nextProducerId":-1}`, "must not be negative"},
		{`{"formatVersion":1,"retiredTopicIds":["x"]}`, "not a topic id"},
		{head + top("a b", id, part, "") + "]}", `topic 0 ("a b"): topic name`},
		{head + top("a", "x", part, "") + "]}", "not a topic id"},
		{head + top("a", id, "", "") + "]}", "0 partitions, want 1 to 10000"},
		{head + top("a", id, strings.Replace(part, "[1]", "[]", 1), "") + "]}", "partition 0: replicas []"},
		{head + top("a", id, strings.Replace(part, `"owner":0`, `"owner":-1`, 1), "") + "]}", "owner -1"},
		{head + top("a", id, part, `"cleanup.policy":"squash"`) + "]}", "cleanup.policy"},
		{head + top("a", id, part, "") + "," + top("a", "AAAAAAAAAAAAAAAAAAAADA", part, "") + "]}", "the name is there twice"},
		{head + top("a", id, part, "") + "," + top("b", id, part, "") + "]}", "belongs to topic a"},
		{head + top("a", id, part, "") + `],"retiredTopicIds":["` + id + `"]}`, "belonged to a deleted topic"},
	} {
		fs := disk.NewMem()
		_ = fs.MkdirAll(dir)
		if err := disk.WriteFileAtomic(fs, dir+"/"+ImageFile, []byte(c[0])); err != nil {
			t.Fatal(err)
		}
		_, err := Load(fs, dir)
		if c[1] == "" {
			if err != nil {
				t.Errorf("%s: %v", c[0], err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), ImageFile) {
			t.Errorf("%s:\ngot  %v\nwant %s and the file's name", c[0], err, c[1])
		}
	}
}

func FuzzLoad(f *testing.F) {
	fs := disk.NewMem()
	if err := Save(fs, dir, must(f, New("c", 1, log.DefaultConfig()), topic(1, 2), DeleteTopic{Name: "t1"}, topic(3, 1))); err != nil {
		f.Fatal(err)
	}
	seed, err := disk.ReadFile(fs, dir+"/"+ImageFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := disk.NewMem()
		_ = fs.MkdirAll(dir)
		if err := disk.WriteFileSync(fs, dir+"/"+ImageFile, b); err != nil {
			t.Fatal(err)
		}
		im, err := Load(fs, dir)
		if err != nil {
			return
		}
		// What loads can be saved, and is then the same.
		if err := Save(fs, dir, im); err != nil {
			t.Fatal(err)
		}
		again, err := Load(fs, dir)
		if err != nil || dump(again) != dump(im) {
			t.Fatalf("%v", err)
		}
	})
}
