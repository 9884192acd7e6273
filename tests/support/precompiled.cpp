// Nothing: this program exists for the headers that the test programs share.
