require "vacation"; vacation :mime "Content-Type: text/plain; name=ä

x";
