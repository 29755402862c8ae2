module blendersessions.io/local/node

go 1.26.0
