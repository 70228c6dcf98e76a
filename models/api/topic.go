package api

import "github.com/ceteris/ceteris/models/cluster"

// lookup finds a topic by id or by name, whichever the version uses, and says
// with which code an unknown one is answered.
func lookup(im *cluster.Image, byID bool, name []byte, id [16]byte) (*cluster.Topic, int16) {
	if byID {
		if t := im.TopicByID(id); t != nil {
			return t, 0
		}
		return nil, codeUnknownTopicID
	}
	if t := im.Topic(name); t != nil {
		return t, 0
	}
	return nil, codeUnknownTopic
}

// partMeta is a partition of a topic, nil when there is none of that index.
func partMeta(t *cluster.Topic, index int32) *cluster.PartMeta {
	if index < 0 || int(index) >= len(t.Parts) {
		return nil
	}
	return &t.Parts[index]
}

// keep copies name to the end of buf, where it stays valid when the frame it
// came from is gone, even if buf grows later.
func keep(buf, name []byte) (grown, kept []byte) {
	at := len(buf)
	buf = append(buf, name...)
	return buf, buf[at:len(buf):len(buf)]
}
