package child

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ceteris/ceteris/harness/host"
)

// The limits of a broker's life that the harness waits for.
const (
	readyLimit = 60 * time.Second
	stopLimit  = 130 * time.Second // a little more than the broker gives itself
	adminLimit = 10 * time.Second
)

// Ready is the line that a broker prints when it serves; see `ceteris broker`.
type Ready struct {
	Ready  bool              `json:"ready"`
	Listen string            `json:"listen"`
	Admin  string            `json:"admin"`
	Model  string            `json:"model"`
	Config map[string]string `json:"config"`
	Facts  map[string]string `json:"facts"`
	PID    int               `json:"pid"`
}

// Broker is a running broker process.
type Broker struct {
	*Process
	Ready Ready
	log   *os.File
	http  http.Client
}

// BrokerOptions say which broker to start, and how.
type BrokerOptions struct {
	Binary      string   // the ceteris executable
	Env         []string // added to the environment
	Model       string
	Set         map[string]string // factors and settings
	Durability  string            // "": the model's own
	MemoryBytes int64
	Data        string   // its data directory
	CPUs        []int    // none: unbound
	Log         string   // the file that takes its standard error
	Hold        *os.File // kept open as long as it lives; may be nil
}

func (o *BrokerOptions) args() []string {
	args := []string{
		"broker", "--model", o.Model, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--data", o.Data, "--memory", strconv.FormatInt(o.MemoryBytes, 10), "--stop-with-stdin",
	}
	if len(o.CPUs) > 0 {
		args = append(args, "--cpus", host.FormatCPUs(o.CPUs))
	}
	for _, k := range slices.Sorted(maps.Keys(o.Set)) {
		args = append(args, "--set", k+"="+o.Set[k])
	}
	if o.Durability != "" {
		// Last, so that no arm can run at another durability than its cell says.
		args = append(args, "--set", "durability="+o.Durability)
	}
	return args
}

// StartBroker starts a broker and returns when it serves. On error nothing is
// left running; the error holds the last line of the broker's log.
func StartBroker(o BrokerOptions) (*Broker, error) {
	log, err := os.Create(o.Log)
	if err != nil {
		return nil, err
	}
	p, err := start("broker", o.Binary, o.args(), o.Env, o.CPUs, log, o.Hold)
	if err != nil {
		log.Close()
		return nil, err
	}
	b := &Broker{Process: p, log: log, http: http.Client{Timeout: adminLimit}}
	lines := make(chan string, 1)
	go func() {
		in := bufio.NewReader(p.out)
		line, _ := in.ReadString('\n') // a broker that ends early is seen below
		lines <- line
		_, _ = io.Copy(log, in) // whatever else it prints belongs to its log
	}()
	select {
	case line := <-lines:
		if err := json.Unmarshal([]byte(line), &b.Ready); err == nil && b.Ready.Ready {
			return b, nil
		}
	case <-time.After(readyLimit):
		_ = p.Stop(stopLimit)
		log.Close()
		return nil, fmt.Errorf("the broker was not ready within %v", readyLimit)
	}
	// Not a ready line: the broker is ending, and its log says why.
	err = p.Stop(stopLimit)
	log.Close()
	if said := p.LastWords(); said != "" {
		return nil, errors.New(said)
	}
	return nil, fmt.Errorf("the broker printed no ready line: %w", err)
}

// Finish stops the broker; anything but a clean exit is an error.
func (b *Broker) Finish() error { return b.FinishWithin(stopLimit) }

// FinishWithin does it with a limit of its own, for a broker of which nothing is kept.
func (b *Broker) FinishWithin(limit time.Duration) error {
	defer b.log.Close()
	return b.Stop(limit)
}

// Admin asks the admin port and returns the body.
func (b *Broker) Admin(method, path string) ([]byte, error) {
	req, err := http.NewRequest(method, "http://"+b.Ready.Admin+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return body, nil
}
