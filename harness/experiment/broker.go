package experiment

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/host"
)

// The limits of a broker's life that the harness waits for.
const (
	readyLimit = 60 * time.Second
	stopLimit  = 130 * time.Second // a little more than the broker gives itself
	adminLimit = 10 * time.Second
)

// ready is the line that a broker prints when it serves; see `ceteris broker`.
type ready struct {
	Ready  bool              `json:"ready"`
	Listen string            `json:"listen"`
	Admin  string            `json:"admin"`
	Model  string            `json:"model"`
	Config map[string]string `json:"config"`
	Facts  map[string]string `json:"facts"`
	PID    int               `json:"pid"`
}

// broker is a running broker process.
type broker struct {
	*process
	ready ready
	log   *os.File
	http  http.Client
}

// brokerArgs is the command line of a cell's broker.
func (r *runner) brokerArgs(c *cell, data string) []string {
	args := []string{
		"broker", "--model", c.spec.Arm.Model, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--data", data, "--memory", strconv.FormatInt(r.e.MemoryBytes, 10), "--stop-with-stdin",
	}
	if cpus := r.placement.Broker; len(cpus) > 0 && r.pinned {
		args = append(args, "--cpus", host.FormatCPUs(cpus))
	}
	keys := make([]string, 0, len(c.spec.Arm.Set))
	for k := range c.spec.Arm.Set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		args = append(args, "--set", k+"="+c.spec.Arm.Set[k])
	}
	// Last, so that no arm can run at another durability than its cell says.
	return append(args, "--set", "durability="+c.Durability)
}

// startBroker starts a cell's broker and returns when it serves. On error
// nothing is left running; the error holds the last line of the broker's log.
func (r *runner) startBroker(c *cell, dir, data string) (*broker, error) {
	logPath := filepath.Join(dir, "server.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	p, err := start("broker", r.o.Binary, r.brokerArgs(c, data), r.o.Env, r.brokerCPUs(), log)
	if err != nil {
		log.Close()
		return nil, err
	}
	b := &broker{process: p, log: log, http: http.Client{Timeout: adminLimit}}
	lines := make(chan string, 1)
	go func() {
		in := bufio.NewReader(p.out)
		line, _ := in.ReadString('\n') // a broker that ends early is seen below
		lines <- line
		_, _ = io.Copy(log, in) // whatever else it prints belongs to its log
	}()
	select {
	case line := <-lines:
		if err := json.Unmarshal([]byte(line), &b.ready); err == nil && b.ready.Ready {
			return b, nil
		}
	case <-time.After(readyLimit):
		_ = p.stop(stopLimit)
		log.Close()
		return nil, fmt.Errorf("the broker was not ready within %v", readyLimit)
	}
	// Not a ready line: the broker is ending, and its log says why.
	err = p.stop(stopLimit)
	log.Close()
	if said := lastLine(logPath); said != "" {
		return nil, errors.New(said)
	}
	return nil, fmt.Errorf("the broker printed no ready line: %w", err)
}

// finish stops the broker; anything but a clean exit is an error.
func (b *broker) finish() error {
	defer b.log.Close()
	return b.stop(stopLimit)
}

// admin asks the admin port and returns the body.
func (b *broker) admin(method, path string) ([]byte, error) {
	req, err := http.NewRequest(method, "http://"+b.ready.Admin+path, nil)
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

// lastLine is the last line of a log that is not empty.
func lastLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
