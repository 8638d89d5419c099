Conf files of tkit's plugins, NN-NAME.yaml. One here overrides the one of the same
file name that a package installed; copy that and change it. See tkit-plugins.d(5).
