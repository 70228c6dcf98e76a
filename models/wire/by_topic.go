package wire

// byTopic is a response under way whose partitions stand below their topics.
type byTopic struct {
	b     []byte
	start int
	ver   int16
	flex  bool
	open  bool // a topic's tagged fields are still to be written
}

// begin starts a response that is appended to dst.
func (w *byTopic) begin(dst []byte, corr int32, version int16, flex bool) {
	w.ver, w.flex, w.open = version, flex, false
	w.b, w.start = beginResponse(dst, corr, flex)
}

// Topic starts a topic; name counts before version 13, id from then on.
func (w *byTopic) Topic(name []byte, id [16]byte, parts int) {
	w.closeTopic()
	if w.ver >= 13 {
		w.b = append(w.b, id[:]...)
	} else {
		w.b = appendString(w.b, w.flex, name)
	}
	w.b = appendCount(w.b, w.flex, parts)
	w.open = true
}

func (w *byTopic) closeTopic() {
	if w.open && w.flex {
		w.b = append(w.b, noTags)
	}
	w.open = false
}

// end finishes the response, which has more bytes outside of dst, and returns dst
// with it. Nodes are written from a version on.
func (w *byTopic) end(nodes []Node, nodesFrom int16, more int) []byte {
	b := w.b
	if w.flex {
		if w.ver < nodesFrom {
			nodes = nil
		}
		b = appendNodes(b, nodes)
	}
	w.b = nil
	return endResponse(b, w.start, more)
}
