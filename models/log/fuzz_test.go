package log

import (
	"bytes"
	"testing"
)

func FuzzSnapshot(f *testing.F) {
	var p producers
	p.init(10)
	f.Add(p.snapshot())
	p.commit(&Append{producerID: 4, epoch: 1, lastSeq: 7, Base: 3, Last: 9, MaxTsMs: 1000})
	p.commit(&Append{producerID: 2, epoch: 0, lastSeq: 0, Base: 10, Last: 10, MaxTsMs: 1001})
	f.Add(p.snapshot())
	f.Add([]byte{})
	f.Add(p.snapshot()[:30])
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := DecodeSnapshot(b)
		if err != nil {
			return
		}
		var p producers
		p.init(1 << 20)
		p.load(entries)
		again, err := DecodeSnapshot(p.snapshot())
		if err != nil {
			t.Fatalf("own snapshot: %v", err)
		}
		if len(again) > len(entries) {
			t.Fatalf("%d entries became %d", len(entries), len(again))
		}
	})
}

func FuzzOffsets(f *testing.F) {
	f.Add([]byte("0\n2\na 0 5\ntopic-with-0 11 99\n"))
	f.Add([]byte("0\n0\n"))
	f.Add([]byte("1\n0\n"))
	f.Add([]byte("0\n1\na 0 -5\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeOffsets(b)
		if err != nil {
			return
		}
		again, err := DecodeOffsets(EncodeOffsets(m))
		if err != nil || len(again) != len(m) {
			t.Fatalf("%v became %v: %v", m, again, err)
		}
		for k, v := range m {
			if again[k] != v {
				t.Fatalf("%v: %d became %d", k, v, again[k])
			}
		}
	})
}

func FuzzEpochs(f *testing.F) {
	f.Add([]byte("0\n2\n0 0\n3 17\n"))
	f.Add([]byte("0\n2\n3 17\n0 0\n"))
	f.Add([]byte("0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		epochs, err := DecodeEpochs(b)
		if err != nil {
			return
		}
		again, err := DecodeEpochs(EncodeEpochs(epochs))
		if err != nil || len(again) != len(epochs) {
			t.Fatalf("%v became %v: %v", epochs, again, err)
		}
	})
}

func FuzzPartitionMetadata(f *testing.F) {
	f.Add(partitionMetadata(testID))
	f.Add([]byte("version: 0\r\ntopic_id: AQIDAAAAAAAAAAAAAAAAAA==\r\n"))
	f.Add([]byte("version: 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := DecodePartitionMetadata(b)
		if err != nil {
			return
		}
		if again, err := DecodePartitionMetadata(partitionMetadata(id)); err != nil || again != id {
			t.Fatalf("%x became %x: %v", id, again, err)
		}
	})
}

func TestParseTP(t *testing.T) {
	for _, c := range []struct {
		name string
		want TP
		ok   bool
	}{
		{"topic-0", TP{"topic", 0}, true},
		{"a-b-12", TP{"a-b", 12}, true},
		{"-1", TP{}, false},
		{"topic", TP{}, false},
		{"topic-", TP{}, false},
		{"topic-01", TP{}, false},
		{"topic-0.abc-delete", TP{}, false},
		{"topic-0.abc-stray", TP{}, false},
		{"topic-99999999999", TP{}, false},
	} {
		if got, ok := ParseTP(c.name); got != c.want || ok != c.ok {
			t.Errorf("%s: got %v, %v", c.name, got, ok)
		}
	}
	if got := (TP{"a-b", 12}).String(); got != "a-b-12" {
		t.Errorf("got %s", got)
	}
}

func TestSnapshotErrors(t *testing.T) {
	var p producers
	p.init(10)
	p.commit(&Append{producerID: 4, epoch: 1, lastSeq: 7, Base: 3, Last: 9})
	good := p.snapshot()
	if _, err := DecodeSnapshot(good); err != nil {
		t.Fatal(err)
	}
	for at := range good {
		if _, err := DecodeSnapshot(flip(at)(bytes.Clone(good))); err == nil {
			t.Errorf("a flipped bit in byte %d went unnoticed", at)
		}
	}
}
