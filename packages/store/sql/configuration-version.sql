SELECT version FROM configuration_version;
