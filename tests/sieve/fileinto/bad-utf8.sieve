require "fileinto"; fileinto "aÿ";
