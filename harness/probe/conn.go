package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// socket is a connection's, whose reads and writes are blocking system calls.
type socket struct{ f *os.File }

func (s socket) close() { _ = s.f.Close() }

// conn is a connection to a broker.
type conn struct {
	socket
	format *kmsg.RequestFormatter
	next   int32
	batch  *kmsg.ProduceRequest
	buf    []byte
}

// maxAnswer bounds what is read: the metadata of all partitions is the longest.
const maxAnswer = 64 << 20

func dial(addr string) (*conn, error) {
	d := net.Dialer{Timeout: answerLimit}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer nc.Close() // a copy of its descriptor stays
	f, err := nc.(*net.TCPConn).File()
	if err != nil {
		return nil, err
	}
	c := &conn{socket: socket{f}, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("probe")), batch: Produce(Topic)}
	if err := c.blocking(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// call sends a request and decodes its answer. Versions are of before headers had
// tags, so that an answer is a correlation id and a body.
func (c *conn) call(req kmsg.Request, resp kmsg.Response) error {
	c.next++
	if err := c.write(c.format.AppendRequest(c.buf[:0], req, c.next)); err != nil {
		return err
	}
	var head [4]byte
	if err := c.read(head[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n < 4 || n > maxAnswer {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if cap(c.buf) < n {
		c.buf = make([]byte, n)
	}
	body := c.buf[:n]
	if err := c.read(body); err != nil {
		return err
	}
	if got := int32(binary.BigEndian.Uint32(body)); got != c.next {
		return fmt.Errorf("answer %d, expected %d", got, c.next)
	}
	return resp.ReadFrom(body[4:])
}

// topics reports whether there is a topic beside the probe's, all of whose
// partitions are led, and who leads the probe's; "" while nobody does.
func (c *conn) topics() (others bool, leader string, err error) {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(7)
	req.Topics = nil // all
	resp := kmsg.NewPtrMetadataResponse()
	resp.SetVersion(7)
	if err := c.call(req, resp); err != nil {
		return false, "", fmt.Errorf("metadata: %w", err)
	}
	addrs := map[int32]string{}
	for _, b := range resp.Brokers {
		addrs[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	for _, t := range resp.Topics {
		led := len(t.Partitions) > 0
		for _, p := range t.Partitions {
			led = led && p.ErrorCode == 0 && p.Leader >= 0
		}
		switch {
		case t.Topic == nil || !led:
		case *t.Topic == Topic:
			leader = addrs[t.Partitions[0].Leader]
		default:
			others = true
		}
	}
	return others, leader, nil
}

func (c *conn) create() error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(4)
	req.TimeoutMillis = int32(answerLimit.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = Topic, 1, 1
	req.Topics = append(req.Topics, t)
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.SetVersion(4)
	if err := c.call(req, resp); err != nil {
		return fmt.Errorf("creating %s: %w", Topic, err)
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("creating %s: %w", Topic, err)
		}
	}
	return nil
}

// produce sends one record and returns the answer's error code.
func (c *conn) produce() (code int16, err error) {
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(c.batch.Version)
	if err := c.call(c.batch, resp); err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("an answer about %d topics", len(resp.Topics))
	}
	return resp.Topics[0].Partitions[0].ErrorCode, nil
}
