package log

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// scripted is one fixed history: two rolls, two epochs, two producers,
// timestamps out of order.
func scripted(t *testing.T) *disk.Mem {
	mem := disk.NewMem()
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 500, 100
	s := start(t, mem, cfg)
	ts := []int64{1000, 1003, 1001, 1002, 1007, 1005, 1006, 1010, 1009}
	for i, at := range ts {
		s.epoch = int32(i / 5)
		b := batch.NewBuilder(0, batch.CodecNone)
		b.ProducerID, b.ProducerEpoch, b.BaseSequence = 40+int64(i%2), 2, int32(i/2*2)
		b.Append(at, []byte("key"), []byte(fmt.Sprint("value ", i)))
		b.Append(at-1, nil, make([]byte, 20))
		s.put(b.Close())
	}
	s.stop()
	verifyClosed(t, mem, s.l.Path())
	return mem
}

// TestGoldenFiles pins every byte a log leaves behind. The log files are
// compared by hash; the batches in them are pinned by package batch.
func TestGoldenFiles(t *testing.T) {
	mem := scripted(t)
	var got strings.Builder
	for _, dir := range []string{testDir, testDir + "/topic-0"} {
		names, err := mem.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			b, err := disk.ReadFile(mem, path)
			if err != nil {
				continue // the directory
			}
			text := string(b)
			switch filepath.Ext(name) {
			case ".log":
				sum := sha256.Sum256(b)
				text = fmt.Sprintf("%d bytes, sha256 %x", len(b), sum[:8])
			case ".index", ".timeindex", ".snapshot":
				text = hex.EncodeToString(b)
			}
			fmt.Fprintf(&got, "%s: %q\n", strings.TrimPrefix(path, testDir+"/"), text)
		}
	}
	if got.String() != golden {
		t.Errorf("files differ; got\n%s", got.String())
	}
}

const golden = `.kafka_cleanshutdown: "{\"version\":0,\"brokerEpoch\":-1}"
log-start-offset-checkpoint: "0\n0\n"
meta.properties: "#\nversion=1\ncluster.id=ceteris\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA\n"
recovery-point-offset-checkpoint: "0\n1\ntopic 0 18\n"
topic-0/00000000000000000000.index: "000000030000006900000005000000d2000000070000013b"
topic-0/00000000000000000000.log: "420 bytes, sha256 24475db4087af2db"
topic-0/00000000000000000000.timeindex: "00000000000003eb00000003"
topic-0/00000000000000000008.index: "000000030000006900000005000000d2000000070000013b"
topic-0/00000000000000000008.log: "420 bytes, sha256 67c61567cf1d4ce3"
topic-0/00000000000000000008.snapshot: "0001620cb42b00000002000000000000002800020000000300000000000000050000000100000000000003e9ffffffffffffffffffffffff000000000000002900020000000300000000000000070000000100000000000003eaffffffffffffffffffffffff"
topic-0/00000000000000000008.timeindex: "00000000000003ef0000000100000000000003f200000007"
topic-0/00000000000000000016.index: ""
topic-0/00000000000000000016.log: "105 bytes, sha256 1004dab86ee0e2ee"
topic-0/00000000000000000016.snapshot: "0001f1721081000000020000000000000028000200000007000000000000000d0000000100000000000003eeffffffffffffffffffffffff0000000000000029000200000007000000000000000f0000000100000000000003f2ffffffffffffffffffffffff"
topic-0/00000000000000000016.timeindex: "00000000000003f100000001"
topic-0/00000000000000000018.snapshot: "00015fe957f200000002000000000000002800020000000900000000000000110000000100000000000003f1ffffffffffffffffffffffff0000000000000029000200000007000000000000000f0000000100000000000003f2ffffffffffffffffffffffff"
topic-0/leader-epoch-checkpoint: "0\n2\n0 0\n1 10\n"
topic-0/partition.metadata: "version: 0\ntopic_id: AQIDAAAAAAAAAAAAAAAAAA"
`
