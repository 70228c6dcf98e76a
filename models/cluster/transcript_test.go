package cluster

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

var rewrite = flag.Bool("rewrite", false, "write what the transcripts give instead of comparing")

// TestTranscripts runs testdata/*.txt: a line that begins with "> " is a command
// and what follows up to the next is what it prints.
//
//	create NAME id=N [parts=N] [rf=N] [assign=1/1/2,3] [owners=0,1] [config.name=value]…
//	delete NAME | delete id=N
//	grow NAME count=N [assign=…] [owners=…]
//	alter NAME [config.name=value]… [unset=a,b]
//	pids N · reassign N · place N SHARDS · bump · restart [node=N] · show
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(script))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(script) {
				t.Fatalf("got\n%s", firstDifference(string(script), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d: %s\nwant    %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// player holds the image between the commands of a transcript.
type player struct {
	t   *testing.T
	im  *Image
	out strings.Builder
}

func play(t *testing.T, script string) string {
	p := &player{t: t, im: New("cluster", 1, log.DefaultConfig())}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		cmd, ok := strings.CutPrefix(line, "> ")
		switch {
		case ok:
			p.out.WriteString(line + "\n")
			p.command(strings.Fields(cmd))
		case line == "" || strings.HasPrefix(line, "#"):
			p.out.WriteString(line + "\n")
		}
	}
	return p.out.String()
}

func (p *player) say(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// args splits name=value words off; config.x=y collect under "config.".
type args struct {
	words   []string
	named   map[string]string
	configs map[string]string
}

func parse(words []string) args {
	a := args{named: map[string]string{}, configs: map[string]string{}}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		config, isConfig := strings.CutPrefix(k, "config.")
		switch {
		case !ok:
			a.words = append(a.words, w)
		case isConfig:
			a.configs[config] = v
		default:
			a.named[k] = v
		}
	}
	return a
}

func (p *player) number(s string, otherwise int64) int64 {
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *player) numbers(s string) (out []int32) {
	if s == "" {
		return nil
	}
	for _, f := range strings.Split(s, ",") {
		out = append(out, int32(p.number(f, 0)))
	}
	return out
}

func (p *player) lists(s string) (out [][]int32) {
	if s == "" {
		return nil
	}
	for _, f := range strings.Split(s, "/") {
		out = append(out, p.numbers(f))
	}
	return out
}

func (p *player) id(s string) (id [16]byte) {
	n := p.number(s, 0)
	id[14], id[15] = byte(n>>8), byte(n)
	return id
}

func (p *player) command(words []string) {
	a := parse(words[1:])
	name := ""
	if len(a.words) > 0 {
		name = a.words[0]
	}
	if name == "''" {
		name = ""
	}
	assign, owners := p.lists(a.named["assign"]), p.numbers(a.named["owners"])
	switch words[0] {
	case "create":
		otherwise := int64(1)
		if assign != nil {
			otherwise = -1
		}
		p.apply(CreateTopic{
			Name: name, ID: p.id(a.named["id"]), Partitions: int32(p.number(a.named["parts"], otherwise)),
			ReplicationFactor: int16(p.number(a.named["rf"], -1)), Assignment: assign, Owners: owners, Configs: a.configs,
		})
	case "delete":
		p.apply(DeleteTopic{Name: name, ID: p.id(a.named["id"])})
	case "grow":
		p.apply(CreatePartitions{Name: name, Count: int32(p.number(a.named["count"], 0)), Assignment: assign, Owners: owners})
	case "alter":
		c := AlterConfigs{Name: name, Set: a.configs}
		if u := a.named["unset"]; u != "" {
			c.Unset = strings.Split(u, ",")
		}
		p.apply(c)
	case "pids":
		before := p.im.NextProducerID()
		p.apply(AllocateProducerIDs{Count: p.number(name, 0)})
		p.say("from %d to %d", before, p.im.NextProducerID())
	case "reassign":
		next, moved := p.im.Reassign(int(p.number(name, 0)))
		p.im = next
		p.say("%d moved", moved)
	case "place":
		p.say("%v", PlaceLeastLoaded(p.im, int(p.number(name, 0)), int(p.number(a.words[1], 0))))
	case "bump":
		p.im = p.im.BumpLeaderEpochs()
	case "restart":
		p.restart(int32(p.number(a.named["node"], 1)))
	case "show":
		p.show()
	default:
		p.t.Fatalf("no command %q", words[0])
	}
}

// apply also checks that the image before is as it was.
func (p *player) apply(c Command) {
	before := dump(p.im)
	next, code, msg := p.im.Apply(c)
	if after := dump(p.im); after != before {
		p.t.Fatalf("%T changed the image it was applied to:\n%s\nwas\n%s", c, after, before)
	}
	if code == 0 {
		p.im = next
		p.say("ok")
		return
	}
	if next != nil {
		p.t.Fatalf("%T was refused and gave an image", c)
	}
	p.say("%s: %s", strings.SplitN(kerr.ErrorForCode(code).Error(), ":", 2)[0], msg)
}

// restart saves the image, loads it again and expects the same.
func (p *player) restart(node int32) {
	fs := disk.NewMem()
	if err := Save(fs, "/data/cluster", p.im); err != nil {
		p.t.Fatal(err)
	}
	im, err := Load(fs, "/data/cluster")
	if err != nil {
		p.t.Fatal(err)
	}
	im, err = im.WithBroker("another", node, p.im.Defaults())
	if err != nil {
		p.say("%v", err)
		return
	}
	if got, want := dump(im), dump(p.im); got != want {
		p.t.Fatalf("loaded\n%s\nsaved\n%s", got, want)
	}
	p.im = im
	p.say("ok")
}

func (p *player) show() { p.out.WriteString(dump(p.im)) }

// dump prints everything in an image but its version, and checks that its views agree.
func dump(im *Image) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "cluster %s node %d next producer id %d retired %d\n", im.clusterID, im.nodeID, im.nextProducerID, len(im.retired))
	parts := 0
	for i, t := range im.Topics() {
		if i > 0 && im.Topics()[i-1].Name >= t.Name || im.Topic([]byte(t.Name)) != t || im.TopicByID(t.ID) != t {
			panic("the views of the image disagree about " + t.Name)
		}
		fmt.Fprintf(&b, "%s %s", t.Name, FormatID(t.ID)[18:])
		for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
			fmt.Fprintf(&b, " %s=%s", k, t.Configs[k])
		}
		b.WriteByte('\n')
		for p := range t.Parts {
			m := &t.Parts[p]
			fmt.Fprintf(&b, "  %d leader %d epoch %d/%d replicas %v isr %v owner %d\n", p, m.Leader, m.LeaderEpoch, m.PartitionEpoch, m.Replicas, m.ISR, m.Owner)
		}
		parts += len(t.Parts)
	}
	if parts != im.Partitions() || len(im.byName) != len(im.sorted) || len(im.byID) != len(im.sorted) {
		panic("the image miscounts")
	}
	return b.String()
}
