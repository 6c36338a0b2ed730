package gate

// cache remembers values by key, within a bound of bytes. What is used stays: once half of
// the bound is full, what was not used since it last was is forgotten. Its zero value
// remembers nothing; the caller locks it.
type cache[K comparable, V any] struct {
	most       int64         // bytes
	size       func(V) int64 // of a value and its key
	young, old map[K]V
	youngBytes int64
	oldBytes   int64
}

func newCache[K comparable, V any](most int64, size func(V) int64) cache[K, V] {
	return cache[K, V]{most: most, size: size, young: make(map[K]V)}
}

func (c *cache[K, V]) get(key K) (value V, ok bool) {
	if value, ok = c.young[key]; ok {
		return value, true
	}
	if value, ok = c.old[key]; ok {
		c.forget(key)
		c.put(key, value)
	}
	return value, ok
}

func (c *cache[K, V]) put(key K, value V) {
	size := c.size(value)
	if size > c.most/2 {
		return
	}
	c.forget(key)
	if c.youngBytes+size > c.most/2 {
		c.old, c.oldBytes = c.young, c.youngBytes
		c.young, c.youngBytes = make(map[K]V), 0
	}
	c.young[key] = value
	c.youngBytes += size
}

func (c *cache[K, V]) forget(key K) {
	if value, ok := c.young[key]; ok {
		c.youngBytes -= c.size(value)
		delete(c.young, key)
	}
	if value, ok := c.old[key]; ok {
		c.oldBytes -= c.size(value)
		delete(c.old, key)
	}
}

func (c *cache[K, V]) clear() {
	clear(c.young)
	c.old, c.youngBytes, c.oldBytes = nil, 0, 0
}

// bytes is what the values take.
func (c *cache[K, V]) bytes() int64 { return c.youngBytes + c.oldBytes }
