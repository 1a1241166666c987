require "copy"; keep :copy;
